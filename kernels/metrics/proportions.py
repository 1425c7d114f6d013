"""Whether one group of trades loses more often than another, and which such findings to believe.

A loss pattern is a difference of two proportions: how large, between which ends, how surprising if
there were none; and, as many patterns are looked at, which of them remain. Counts are whole, ends
are exact to eight places, and p-values are quotients of whole numbers rounded once.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import comb

from kernels.metrics.tallies import EXACT, PLACES, wilson


def difference(k1: int, n1: int, k2: int, n2: int) -> tuple[Decimal, Decimal, Decimal] | None:
    """Give k1/n1 − k2/n2 and both ends of its 95 % interval, −1 … 1, rounded to eight places.

    The hybrid score interval, of the ends of `wilson` for each group. None where a group is empty.
    Raises ValueError unless 0 ≤ k ≤ n for both. Source: R. G. Newcombe, Interval Estimation for
    the Difference Between Independent Proportions, Statistics in Medicine 17 (1998), 873–890,
    method 10.
    """
    one, other = wilson(k1, n1), wilson(k2, n2)
    if one is None or other is None:
        return None
    first, second = EXACT.divide(Decimal(k1), n1), EXACT.divide(Decimal(k2), n2)
    effect = EXACT.subtract(first, second)
    below = distance(EXACT.subtract(first, one[0]), EXACT.subtract(other[1], second))
    above = distance(EXACT.subtract(one[1], first), EXACT.subtract(second, other[0]))
    ends = effect, EXACT.subtract(effect, below), EXACT.add(effect, above)
    found, low, high = (end.quantize(PLACES, context=EXACT) for end in ends)
    return found, low, high


def distance(one: Decimal, other: Decimal) -> Decimal:
    return EXACT.sqrt(EXACT.add(EXACT.multiply(one, one), EXACT.multiply(other, other)))


def p_value(k1: int, n1: int, k2: int, n2: int) -> float:
    """Give the two-sided p-value of k1/n1 and k2/n2 being alike: Fisher's exact test.

    The probability, both sums of the table given, of all tables that are no likelier than this one;
    1 where a group is empty. Raises ValueError unless 0 ≤ k ≤ n for both. Source: R. A. Fisher,
    Statistical Methods for Research Workers (5th ed., 1934), 21.02.
    """
    for name, count, size in (("k1", k1, n1), ("k2", k2, n2)):
        if not 0 <= count <= size:
            raise ValueError(f"{name} was {count}, must be 0–{size}")
    chosen = k1 + k2
    low, high = max(0, chosen - n2), min(chosen, n1)
    weight = comb(n1, low) * comb(n2, chosen - low)
    weights = [weight]  # of k1 = low … high, in how many ways each comes about
    for count in range(low, high):
        weight = weight * (n1 - count) * (chosen - count)
        weight //= (count + 1) * (n2 - chosen + count + 1)  # leaves nothing over
        weights.append(weight)
    seen = weights[k1 - low]
    return sum(each for each in weights if each <= seen) / sum(weights)


def false_discoveries(p_values: Sequence[float | Decimal], rate: float = 0.1) -> tuple[bool, ...]:
    """Tell which findings to believe, so that at most `rate` of the believed are expected false.

    With m p-values in ascending order, all up to the last with p ≤ rank · rate / m. Numbers count
    as the decimals that they print as. Raises ValueError for a p-value or a rate that is not 0 … 1.
    Source: Y. Benjamini and Y. Hochberg, Controlling the False Discovery Rate, Journal of the Royal
    Statistical Society B 57 (1995), 289–300.
    """
    for name, number in (("rate", rate), *(("p-value", p) for p in p_values)):
        if not 0 <= number <= 1:
            raise ValueError(f"{name} was {number}, must be 0 to 1")
    exact = [Fraction(str(p)) for p in p_values]
    allowed = Fraction(str(rate))
    passing = [p for rank, p in enumerate(sorted(exact), 1) if p * len(exact) <= rank * allowed]
    bar = max(passing, default=Fraction(-1))
    return tuple(p <= bar for p in exact)
