# The tables of all finished runs that belong in them, whatever their budget.


rule tables:
    input:
        reference=os.path.relpath(f"{workflow.basedir}/reference/paper_tables.csv"),
        results=[f"{folder}/result.json" for folder in PLANNED],
        others=other_results(),
        embeddings=[f"{folder}/separability.csv" for folder in can_be_made(EMBEDDINGS)],
    output:
        runs="results/runs.csv",
        separability="results/separability.csv",
        csv="results/tables.csv",
        markdown="results/tables.md",
        html=report("results/tables.html", caption="../report/tables.rst", category="Tables"),
    log:
        "logs/tables.log",
    conda:
        "../../environment.yml"
    params:
        **TABLES,
    script:
        "../scripts/tables.py"


# The same from what is finished at this moment, also while other runs are under way.
use rule tables as tables_now with:
    input:
        reference=rules.tables.input.reference,
        results=[f"{folder}/result.json" for folder in RUNS if STANDING[folder] == "kept"],
        others=other_results(),
        embeddings=[],
    output:
        runs="results/partial/runs.csv",
        separability="results/partial/separability.csv",
        csv="results/partial/tables.csv",
        markdown="results/partial/tables.md",
        html="results/partial/tables.html",
    log:
        "logs/tables_now.log",


rule check:
    input:
        runs=rules.tables.output.runs,
    output:
        "results/checks/{budget}.md",
    log:
        "logs/check/{budget}.log",
    conda:
        "../../environment.yml"
    params:
        budget=BUDGET,
        must_beat=MUST_BEAT,
    script:
        "../scripts/check.py"
