"""The page at `/`: where things are, and a plain place to ask a question.

It loads nothing from elsewhere. GraphiQL at `/graphql` is richer, but its page takes its scripts
from unpkg.com: without the internet it stays empty, and this page is the one to use.
"""

EXAMPLE = """{
  status { feed venue symbols position lag }
  strategies { id version status mode }
  performance { id trades wins winRate profitFactor net equity }
}"""

PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Perpetua</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
         padding: 0 1rem; }}
  textarea, pre {{ box-sizing: border-box; width: 100%; font: 14px/1.4 ui-monospace, monospace; }}
  pre {{ overflow: auto; max-height: 60vh; border: 1px solid gray; padding: .5rem; }}
</style>
</head>
<body>
<h1>Perpetua</h1>
<p>Trading on paper; <code>live/sim</code> accounts are simulated too.</p>
<ul>
  <li><a href="/graphql">GraphiQL</a>, the query editor (takes its scripts from unpkg.com)</li>
  <li><a href="/health">Health</a></li>
</ul>
<form id="ask">
  <p><label for="query">Ask here without the internet:</label></p>
  <textarea id="query" rows="8" spellcheck="false">{EXAMPLE}</textarea>
  <p><button>Ask</button></p>
</form>
<pre id="answer" aria-live="polite"></pre>
<script>
  document.getElementById("ask").addEventListener("submit", async (event) => {{
    event.preventDefault();
    const answer = document.getElementById("answer");
    const query = document.getElementById("query").value;
    try {{
      const response = await fetch("/graphql", {{
        method: "POST",
        headers: {{ "content-type": "application/json" }},
        body: JSON.stringify({{ query }}),
      }});
      answer.textContent = JSON.stringify(await response.json(), null, 2);
    }} catch (error) {{
      answer.textContent = String(error);
    }}
  }});
</script>
</body>
</html>
"""
