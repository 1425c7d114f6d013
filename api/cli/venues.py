"""`venues`: what each venue costs, and where each figure was read."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.context import JsonOption, print_json

if TYPE_CHECKING:
    from infrastructure.venue_profile import Source, VenueProfile

HEAD = ("market", "maker", "taker", "smallest", "maintenance", "funding")
PIPE = 240  # columns where nobody's terminal limits them

VenueCostsOption = Annotated[
    str | None,
    typer.Option("--venue-costs", help="Trade at what this venue costs; see perpetua venues."),
]


def mount(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(venues)


def venues(
    name: Annotated[str | None, typer.Argument(help="This one alone, e.g. htx.")] = None,
    json: JsonOption = False,
) -> None:
    """What trading costs at each venue, for --venue-costs, and where each figure was read."""
    from infrastructure.venue_table import PROFILES, profile_of

    profiles = list(PROFILES.values()) if name is None else [profile_of(name)]
    if json:
        print_json([content_of(profile) for profile in profiles])
    else:
        show(profiles)


def content_of(profile: "VenueProfile") -> dict[str, Any]:
    told = {name: getattr(profile, name) for name in profile.__struct_fields__}
    told["sources"] = [
        {name: getattr(source, name) for name in source.__struct_fields__}
        for source in profile.sources
    ]
    return told


def show(profiles: "list[VenueProfile]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PIPE
    table = Table()
    table.add_column("name", no_wrap=True)  # it is what one has to type
    for title in HEAD:
        table.add_column(title)
    for profile in profiles:
        table.add_row(*map(escape, cells(profile)))
    console.print(table)
    for profile in profiles:
        console.print(f"\n[bold]{profile.name}[/]: {escape(profile.title)}, read {profile.read}")
        console.print(f"  grid: {escape(profile.grid)}")
        for source in profile.sources:
            console.print(f"  {escape(line(source))}")


def cells(profile: "VenueProfile") -> tuple[str, ...]:
    from api.report.wording import percent, plain

    none = "–"
    margin, hours = profile.maintenance, profile.funding_hours
    return (
        profile.name,
        profile.market,
        percent(profile.maker, 3),
        percent(profile.taker, 3),
        "one lot" if profile.smallest is None else plain(profile.smallest),
        none if margin is None else percent(margin, 2),
        none if hours is None else f"{hours} h",
    )


def line(source: "Source") -> str:
    said = f" ({source.said})" if source.said else ""
    return f"{', '.join(source.of)}: {source.witness}, {source.where}{said}"
