"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { createChart, createSeriesMarkers } = LightweightCharts;
  const UP = "#1a7f5a", DOWN = "#b3412f", BLUE = "#2f6690", LINE = "#e3e7eb", QUIET = "#66727f";
  const FEW = 12; // trades in view up to which their marks carry words
  const SOME = 200; // up to which entries are marked too; beyond, exits alone
  const NAMED = 6; // trades of one candle that the legend names
  const charts = [];

  const fixed = (value, digits) => value.toLocaleString("en-US",
    { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  const signed = (value) => (value > 0 ? "+" : "") + fixed(value, 2);
  const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

  function make(name, price, zoom) {
    const box = document.getElementById(name + "-chart");
    const chart = createChart(box, {
      autoSize: true,
      layout: { background: { color: "#ffffff" }, textColor: QUIET, attributionLogo: false,
        fontFamily: "system-ui, sans-serif", panes: { separatorColor: LINE } },
      grid: { vertLines: { color: LINE }, horzLines: { color: LINE } },
      rightPriceScale: { borderColor: LINE, minimumWidth: 84 },
      timeScale: { borderColor: LINE, timeVisible: true, secondsVisible: false, minBarSpacing: 0.01 },
      localization: { timeFormatter: moment, priceFormatter: price },
      handleScale: { mouseWheel: zoom }, handleScroll: { mouseWheel: zoom },
      crosshair: { mode: 0 },
    });
    charts.push({ box, chart });
    return chart;
  }

  function equity() {
    const chart = make("equity", undefined, false);
    const line = chart.addSeries(LightweightCharts.BaselineSeries, {
      baseValue: { type: "price", price: data.capital }, lineWidth: 2, priceLineVisible: false,
      topLineColor: UP, topFillColor1: UP + "30", topFillColor2: UP + "05",
      bottomLineColor: DOWN, bottomFillColor1: DOWN + "05", bottomFillColor2: DOWN + "30",
      priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => fixed(value, 2) },
    });
    line.setData(data.equity.map(([time, value]) => ({ time, value })));
    const fall = chart.addSeries(LightweightCharts.AreaSeries, {
      lineColor: DOWN, topColor: DOWN + "10", bottomColor: DOWN + "50", lineWidth: 1,
      invertFilledArea: true, priceLineVisible: false,
      priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => fixed(value, 2) + " %" },
    }, 1);
    fall.setData(data.equity.map(([time, , value]) => ({ time, value })));
    fall.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.05 } });
    chart.panes()[0].setStretchFactor(3);
    chart.panes()[1].setStretchFactor(1);
    chart.timeScale().fitContent();
    const legend = document.getElementById("equity-legend");
    const tell = (time, value, below) => {
      legend.textContent = `${moment(time)} UTC   equity ${fixed(value, 2)}`
        + ` (${signed(value - data.capital)})   below the peak ${fixed(-below, 2)} %`;
    };
    const last = data.equity[data.equity.length - 1];
    tell(...last);
    chart.subscribeCrosshairMove((at) => {
      const value = at.seriesData.get(line), below = at.seriesData.get(fall);
      if (value && below) tell(at.time, value.value, below.value);
      else tell(...last);
    });
  }

  // A trade is [chart, entry candle, exit candle, side, in at, out at, net, tag, reason].
  function prices() {
    const chart = make("prices", undefined, true);
    let at = 0; // the symbol shown
    let inCandle, level;
    const here = () => data.charts[at];
    const own = () => data.trades.filter((trade) => trade[0] === at);
    const shown = (value) => fixed(value, here().digits);
    const candles = chart.addSeries(LightweightCharts.CandlestickSeries, {
      upColor: "#9fc5b5", downColor: "#d8aaa2", wickUpColor: "#9fc5b5", wickDownColor: "#d8aaa2",
      borderVisible: false, priceLineVisible: false, lastValueVisible: false,
    });
    const time = (candle) => here().prices[candle][0];
    const entered = ([, entry, , way], words) => ({
      time: time(entry), position: way > 0 ? "belowBar" : "aboveBar", color: BLUE,
      shape: way > 0 ? "arrowUp" : "arrowDown", text: words ? (way > 0 ? "long" : "short") : "",
    });
    const exited = ([, , left, , , paid, net, , reason], words, size) => ({
      time: time(left), position: "atPriceMiddle", price: paid, color: net > 0 ? UP : DOWN,
      shape: "circle", size, text: words ? `${reason} ${signed(net)}` : "",
    });
    const marks = () => own().flatMap((trade) => (level === "many"
      ? [exited(trade, false, 0.3)]
      : [entered(trade, level === "few"), exited(trade, level === "few", 0.7)]))
      .sort((one, other) => one.time - other.time);
    const levelOf = (range) => {
      const within = (trade) => range === null || (trade[2] >= range.from && trade[1] <= range.to);
      const count = own().filter(within).length;
      return count <= FEW ? "few" : count <= SOME ? "some" : "many";
    };
    const markers = createSeriesMarkers(candles, [], { autoScale: false });
    const legend = document.getElementById("prices-legend");
    const told = (n, candle) => {
      const [, entry, left, way, paid, got, net, tag, reason] = data.trades[n];
      const parts = [way > 0 ? "long" : "short"];
      if (entry === candle) parts.push(`in at ${shown(paid)}${tag ? ` (${tag})` : ""}`);
      if (left === candle) parts.push(`out at ${shown(got)}, ${reason}, net ${signed(net)}`);
      return parts.join(" ");
    };
    const tell = (candle) => {
      if (here().prices.length === 0) {
        legend.textContent = `no bars of ${here().symbol}`;
        return;
      }
      const [moment_, open, high, low, close] = here().prices[candle];
      const found = inCandle.get(candle) || [];
      const more = found.length > NAMED ? [`and ${found.length - NAMED} more`] : [];
      legend.textContent = `${moment(moment_)} UTC   open ${shown(open)}  high ${shown(high)}`
        + `  low ${shown(low)}  close ${shown(close)}\n`
        + [...found.slice(0, NAMED).map((n) => told(n, candle)), ...more].join("   ·   ");
    };
    const last = () => here().prices.length - 1;
    const choice = document.getElementById("prices-symbol");
    const show = (symbol) => {
      at = symbol;
      if (choice) choice.value = String(at);
      inCandle = new Map();
      data.trades.forEach((trade, n) => {
        if (trade[0] !== at) return;
        for (const candle of new Set([trade[1], trade[2]])) {
          if (!inCandle.has(candle)) inCandle.set(candle, []);
          inCandle.get(candle).push(n);
        }
      });
      level = levelOf(null);
      markers.setMarkers([]);
      candles.applyOptions({
        priceFormat: { type: "custom", minMove: 10 ** -here().digits, formatter: shown },
      });
      candles.setData(here().prices.map(([opened, open, high, low, close]) =>
        ({ time: opened, open, high, low, close })));
      markers.setMarkers(marks());
      chart.timeScale().fitContent();
      tell(last());
    };
    if (choice) choice.addEventListener("change", () => show(Number(choice.value)));
    show(0);
    chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      const now = levelOf(range);
      if (now === level) return;
      level = now;
      markers.setMarkers(marks());
    });
    chart.subscribeCrosshairMove((point) => {
      const candle = point.time === undefined ? last() : Math.round(point.logical);
      tell(Math.min(Math.max(candle, 0), last()));
    });

    document.querySelectorAll("a[data-trade]").forEach((link) =>
      link.addEventListener("click", () => {
        const [symbol, entry, left] = data.trades[Number(link.dataset.trade)];
        if (symbol !== at) show(symbol);
        const around = Math.max(20, left - entry);
        chart.timeScale().setVisibleLogicalRange({ from: entry - around, to: left + around });
        tell(left);
      }));
  }

  // Paper takes a picture of each chart as it stands.
  function picture() {
    for (const { box, chart } of charts) {
      const image = box.querySelector("img") || box.appendChild(new Image());
      image.alt = "Chart";
      image.src = chart.takeScreenshot(true, false).toDataURL();
    }
  }

  equity();
  prices();
  addEventListener("beforeprint", picture);
})();
