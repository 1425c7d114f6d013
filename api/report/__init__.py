"""A backtest as a page to send to a colleague: one file, nothing loaded from elsewhere.

`wording` spells figures and `groups` puts them in an order to be read, for the page and the
terminal alike; `page` lays the file out from `tables`, `drawings` (still, made here) and
`chart_data` (drawn by `assets/charts.js`). All text is escaped by `markup`, the only way to make an
element. The page's own policy forbids it every request.
"""
