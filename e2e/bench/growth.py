#!/usr/bin/env python3
"""How CPU and memory grow with nodes and pods: measured by scale.py's cluster, drawn as SVG.

    e2e/bench/growth.py measure SKIFF DATA [nodes=100,1000,...] [pods=1000,...] [on=1000]
    e2e/bench/growth.py draw DATA FOLDER

`measure` adds to DATA (JSON) a row for each size: a cluster of so many simulated nodes until all are
Ready, and a Deployment of so many pods on `on` nodes until Ready. `draw` makes a chart of each, both
axes logarithmic, and says by which power of its size each grows (least squares)."""

import json
import math
import pathlib
import sys

from measure import used
from scale import Cluster, deployment, started

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 660, 400, 70, 50, 40, 50
COLOURS = ["#1b6ac9", "#c2410c"]
CHARTS = {
    "nodes": "until simulated nodes are Ready",
    "pods": "until pods of a Deployment are Ready",
}
SERIES = [("cpu_s", "s of CPU"), ("resident_mb", "MB resident")]


def row(cluster, size, act, done):
    took, cpu = cluster.cost(act, done)
    measured = {"size": size, "seconds": round(took, 2), "cpu_s": round(cpu, 2),
                "resident_mb": round(used(cluster.process.pid)[1])}
    print(measured, flush=True)
    return measured


def of_nodes(skiff, size):
    with Cluster(skiff, size) as cluster:
        return row(cluster, size, lambda: None, cluster.all_ready)


def of_pods(skiff, size, nodes):
    with started(skiff, nodes) as cluster:
        return row(cluster, size, lambda: cluster.apply(deployment("web", size)),
                   lambda: cluster.ready("web") == str(size))


def measure(skiff, path, *sizes):
    wanted = dict(each.split("=") for each in sizes)
    data = json.loads(path.read_text()) if path.exists() else {"nodes": [], "pods": []}
    on = int(wanted.pop("on", 1000))
    for what, list_of_sizes in wanted.items():
        for size in map(int, list_of_sizes.split(",")):
            new = of_nodes(skiff, size) if what == "nodes" else of_pods(skiff, size, on)
            if what == "pods":
                new["nodes"] = on
            data[what] = sorted([each for each in data[what] if each["size"] != size] + [new],
                                key=lambda each: each["size"])
            path.write_text(json.dumps(data, indent=1) + "\n")


def power(points):
    """y = c * x^k by least squares of the logarithms: (k, c)."""
    xs, ys = zip(*((math.log(x), math.log(y)) for x, y in points))
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    k = (sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
         / sum((x - mean_x) ** 2 for x in xs))
    return k, math.exp(mean_y - k * mean_x)


def decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def chart(what, rows):
    xs = [each["size"] for each in rows]
    ys = [each[name] for each in rows for name, _ in SERIES]
    (x_low, x_high), (y_low, y_high) = decades(xs), decades(ys)

    def at(x, y):
        across = (math.log10(x) - x_low) / max(1, x_high - x_low)
        up = (math.log10(y) - y_low) / max(1, y_high - y_low)
        return (LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for exponent in range(x_low, x_high + 1):
        x, _ = at(10 ** exponent, 10 ** y_low)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
                   f'{10 ** exponent:,}</text>')
    for exponent in range(y_low, y_high + 1):
        _, y = at(10 ** x_low, 10 ** exponent)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                   f'{10.0 ** exponent:,g}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" '
               f'text-anchor="middle">{what}</text>')
    for number, (name, unit) in enumerate(SERIES):
        points = [(each["size"], each[name]) for each in rows]
        k, c = power(points)
        colour = COLOURS[number]
        (x1, y1), (x2, y2) = at(xs[0], c * xs[0] ** k), at(xs[-1], c * xs[-1] ** k)
        out.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" '
                   'stroke-dasharray="4 3"/>')
        for x, y in points:
            cx, cy = at(x, y)
            out.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4" fill="{colour}">'
                       f'<title>{x:,}: {y:g} {unit}</title></circle>')
        out.append(f'<text x="{LEFT}" y="{18 + 16 * number}" fill="{colour}">{unit} '
                   f'{CHARTS[what]}: grows as {what}^{k:.2f}</text>')
        print(f"{what}: {unit} grows as its size to the {k:.2f}")
    return "\n".join(out) + "\n</svg>\n"


def draw(path, folder):
    data = json.loads(path.read_text())
    for what in CHARTS:
        if len(data[what]) > 1:
            (folder / f"growth_{what}.svg").write_text(chart(what, data[what]))


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(sys.argv[2], pathlib.Path(sys.argv[3]), *sys.argv[4:])
    else:
        draw(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
