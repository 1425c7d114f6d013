"""Published backtesting engines, each in an environment of its own, on the rules of one account.

What is compared must be the same thing, so the rules are few and said once, here. `reference` is
these rules in plain numpy; the script named after an engine says them in that engine's own way.

Signal. `gap = fast average − slow average` at a close. Buy where `gap > 0` and the bar before had
`gap ≤ 0`; sell all where `gap < 0` and the bar before had `gap ≥ 0`. Where either average is not
yet defined there is no gap and nothing crosses. A buy while long and a sale while flat are ignored;
what the last bar decides is never filled. Long only, one position, no slippage.
SMA(n) is the mean of the last n closes, defined from bar n − 1 (bars count from 0). EMA(n) is
defined from bar n − 1, where it is the mean of the first n closes; after that
`y += 2 / (n + 1) · (close − y)`.

Quote. Prices are counted in whole ticks (cents for BTC/USDT) and money in the same unit. Then the
sums under simple averages are exact in float64 however they are kept, and a tie is a tie for
everyone; with prices like 63,241.07 rounding decides ties, and engines cross a bar apart (seen in
one of 500 sets over 100,000 bars).

Fill. An order decided at the close of bar t fills at the open of bar t + 1. Its amount is decided
with it: `floor(notional / close[t] / 1e-8 + 1e-9) · 1e-8` base. A sale is of the whole amount held.

Fees. Each fill pays `fee · amount · price` quote, both ways, out of cash, unrounded. A buy takes
`amount · price` out of cash too, a sale puts it back.

Equity at the close of bar t, after the fills at its open: `cash + amount held · close[t]`. An open
position is marked at the close; the fee of the sale to come is not charged in advance. The final
equity is that of the last bar. Closed trades are the sales.

Drawdown. The peak is the highest equity at a close so far, the initial cash included. The value is
the greatest `peak − equity` over the bars, in quote; the fraction the greatest
`(peak − equity) / peak`. They need not be of the same bar.

An engine that cannot keep one of these rules says so in the notes of its result.
"""
