# Tables and figures of published evidence, which git keeps: results/tables.md, results/studies/ and figures/. They are
# part of the paper's experiment, whose own runs are in results/tables.md, too. `update` keeps the old file if a job
# fails.

EVIDENCE = published_experiments()
CONFIGS = or_explain(
    lambda: {name: load(workflow.basedir, name) for name in sorted(EVIDENCE) if name in experiments(workflow.basedir)}
)
PLANES = {}
for NAME in CONFIGS:
    for DATASET in sorted(EVIDENCE[NAME], reverse=True):
        PLANES.setdefault(DATASET, []).append(NAME)
TRIALS = {name: kind for name, said in CONFIGS.items() for kind in ("study", "difficulty") if kind in said}
REPORTED = ["paper", *(name for name, said in CONFIGS.items() if said["report"] and name != "paper")]
PUBLISHED_FIGURES = published_figures(CONFIGS, PLANES)
if os.path.exists(f"{paths.PUBLISHED}/{paths.COPIES}"):
    TRIALS["copies"] = "audit"  # a page about datasets, not about an experiment
TRIALS |= {"collapse": "collapse", "elsewhere": "elsewhere"}  # pages about all published runs
ELSEWHERE = os.path.relpath(f"{workflow.basedir}/reference/published.csv")
CONFIG_FILES = [os.path.relpath(f"{workflow.basedir}/config/{name}.yaml") for name in CONFIGS]

PAGES += [
    f"{paths.TABLES}.md",
    f"{paths.STUDIES}/separability.csv",
    *(f"{paths.STUDIES}/{name}.md" for name in TRIALS),
    *(figure.output for figure in PUBLISHED_FIGURES),
]
PAGES.remove(paths.experiment_page(EXPERIMENT, "tables.md"))


use rule tables as published_tables with:
    input:
        *run_files(),
        published_files(),
        code("tables.py"),
        CONFIG_FILES,
        reference=REFERENCE,
    output:
        csv=update(f"{paths.TABLES}.csv"),
        markdown=update(f"{paths.TABLES}.md"),
        html=update(report(f"{paths.TABLES}.html", caption="../report/tables.rst", category="Tables")),
    log:
        "logs/published/tables.log",
    conda:
        ENVIRONMENT
    params:
        of=REPORTED,
        asked=asked,
        made_of=made_of("tables.py", REFERENCE),


rule separability:
    input:
        published_files(),
        code("separability.py"),
        CONFIG_FILES,
    output:
        update(f"{paths.STUDIES}/separability.csv"),
    log:
        "logs/published/separability.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        of=list(CONFIGS),
        made_of=made_of("separability.py"),
    script:
        "../scripts/separability.py"


for NAME, KIND in TRIALS.items():

    rule:
        name:
            f"published_study_{NAME}"
        input:
            published_files(),
            code(f"{KIND}.py"),
            [path for path in CONFIG_FILES if os.path.basename(path) == f"{NAME}.yaml"],
            ELSEWHERE if NAME == "elsewhere" else [],
        output:
            csv=update(f"{paths.STUDIES}/{NAME}.csv"),
            markdown=update(f"{paths.STUDIES}/{NAME}.md"),
        log:
            f"logs/published/{NAME}.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            of=NAME,
            script=f"{KIND}.py",
            made_of=made_of(f"{KIND}.py"),
        script:
            "../scripts/{params.script}"


for FIGURE in PUBLISHED_FIGURES:

    rule:
        name:
            f"published_{os.path.basename(FIGURE.output).partition('.')[0]}"
        input:
            published_files(),
            code(FIGURE.script),
            CONFIG_FILES,
        output:
            update(report(FIGURE.output, caption=f"../report/{FIGURE.caption}.rst", category=FIGURE.category)),
        log:
            f"logs/published/{os.path.basename(FIGURE.output)}.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            of=FIGURE.of,
            script=FIGURE.script,
            more=FIGURE.more,
            made_of=made_of(FIGURE.script),
        script:
            "../scripts/{params.script}"
