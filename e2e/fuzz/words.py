"""Texts of which random specs are made: few, so that references often find what they name, and some that are odd."""

NAMES = ("a", "web", "db", "orders", "a-b", "x1")
PROPER = (
    *NAMES,
    *("http", "sql", "Healthy", "GET", "X-Trace", "TOKEN"),
    *("/", "/orders?limit=5", "/stock/${captures.web}", "/${run.id}"),
    *("1s", "500ms", "90s", "1h30m", "24h", "0s"),
    *("500m", "1", "64Mi", "1.5Gi"),
    *("localhost/none:1", "ghcr.io/acme/orders@sha256:0"),
    *("response.status == 200", "response.json.total > 0", "size(response.text) < 10", "captures.web == 1"),
    *("latency.p99 < duration('250ms')", "errors.rate < 0.01", "requests.count > 0"),
    *("${captures.a}", "run ${run.id}", "$${HOME}"),
)
ODD = (
    *("", " ", "-", "A", "é", "\U0001d54f", "\n", "\u0000", "\u202e", "a" * 70, "a" * 300, "a" * 5000),
    *("${", "${}", "${captures.}", "$${", "${a}${", "%", "../..", "/../", "//evil", "/ a", "http://x/"),
    *("1", "-1s", "1d", "1e3s", "99999999h", "0.1", "1_000", "0x10", "NaN", "null", "true", "~"),
    *("response.status", "response.status ==", "1/0 == 1", "[].map(x, x)", "'a' in {}", "response.jsn.a", "((((((((("),
    *("duration('x') < duration('1s')", "response.text.matches('(')", "captures.nobody", "x" * 1024, "!" * 1000),
    *("[1].all(a, [1].all(b, [1].all(c, true)))", '"\\u0000"', "b'\\xff' == b''", "9223372036854775808 == 1"),
)
