# Everything runs in .venv/, which the targets make by themselves. `make help` lists the targets.
#
# Settings, for example `make demo OUT=outputs/other`:
#   PYTHON     interpreter the virtual environment is made with (3.11 or newer)
#   PIP_ARGS   further arguments of every `pip install` (docs/install.md: PyTorch's CPU build)
#   OUT        where `make demo` writes

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
PIP_ARGS ?=
OUT ?= outputs/demo

VENV := .venv
BIN := $(VENV)/bin
STARTED := $(shell date +%s)

# One CPU process with every setting spoken out, so that the launcher asks and warns about nothing. Left to itself it takes one
# thread for each physical core, half of what a virtual machine offers.
THREADS := $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
LAUNCH_WITH := $(BIN)/accelerate launch --quiet --cpu --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no \
	--num_cpu_threads_per_process
LAUNCH := $(LAUNCH_WITH) $(THREADS)
# The demo and the tests never reach for the network; gradio would report to its makers.
# A process for each core, each with one thread: with more they stand in one another's way.
PARALLEL := OMP_NUM_THREADS=1 $(BIN)/pytest -n logical --dist loadfile
OFFLINE := HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False

.PHONY: help install demo demo-short demo-steps default-results default-results-steps results-folder test test-all check bench default-model default-code clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- installation: a stamp file for each set of extras, made again when pyproject.toml or constraints.txt change ----

install: $(VENV)/.installed-all  ## Make .venv/ and install the package with all extras

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python must be 3.11 or newer, got {v.major}.{v.minor}; run: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[$*]'
	@touch $@

# ---- the demo: data, stills, clips, judgement, use; each step is done once ----

demo: $(VENV)/.installed-all  ## Render, train, evaluate and use a small model (10 minutes on 2 cores)
	@$(MAKE) --no-print-directory demo-steps

# The same path in a minute or two, for a check of the machinery; the model learns nothing.
demo-short: $(VENV)/.installed-all  ## Run the demo in small, as a check that every step works
	@$(MAKE) --no-print-directory demo-steps OUT=outputs/demo-short \
		RENDER_ARGS='--train-clips 110 --test-clips 44 --stills 500' \
		STILLS_ARGS='max_steps=4 data.batch_size=64' CLIPS_ARGS='max_steps=4 data.batch_size=22' EVALUATE_ARGS='num_resamples=200'

DATA := $(OUT)/data/clips.parquet
STILLS := $(OUT)/stills/run.json
CLIPS := $(OUT)/clips/run.json
REPORT := $(OUT)/report/report.json
ANALYSIS := $(OUT)/analysis.csv
ELSEWHERE := $(OUT)/auto_model.txt
CLIP := $(OUT)/data/clips/000/test_000000.mp4

say = @printf '\n== %s (%d s since the start)\n' '$(1)' $$(($$(date +%s) - $(STARTED)))

# A cache of its own keeps other people's settings for Accelerate out, and leaves nothing behind.
demo-steps: export HF_HOME := $(abspath $(OUT))/cache
demo-steps: export HF_HUB_OFFLINE := 1
demo-steps: export TOKENIZERS_PARALLELISM := false
demo-steps: $(ANALYSIS) $(ELSEWHERE)
	$(call say,Done)
	@$(BIN)/python -P -c "$$SUMMARY" $(REPORT)
	@printf 'report: %s\nmodel:  %s\n' '$(OUT)/report/report.md' '$(OUT)/clips/model'

$(DATA):
	$(call say,1/6 Rendering faces and captions)
	$(BIN)/python data_scripts/render_synthetic_faces.py --output $(OUT)/data $(RENDER_ARGS)

$(STILLS): $(DATA)
	$(call say,2/6 Training the towers on stills)
	$(LAUNCH) train.py --config configs/train/demo_stills.yaml output_dir=$(OUT)/stills \
		data.manifest=$(OUT)/data/stills.parquet model.tokenizer=$(OUT)/data/tokenizer $(STILLS_ARGS) --resume

$(CLIPS): $(STILLS)
	$(call say,3/6 Training on clips)
	$(LAUNCH) train.py --config configs/train/demo_clips.yaml output_dir=$(OUT)/clips \
		data.manifest=$(DATA) data.features_dir=$(OUT)/features model.name=$(OUT)/stills/model $(CLIPS_ARGS) --resume

$(REPORT): $(CLIPS)
	$(call say,4/6 Judging it on identities and class texts it has never seen)
	$(BIN)/python evaluate.py --config configs/eval/synthetic.yaml --output $(OUT)/report --overwrite \
		model=$(OUT)/clips/model systems.1.model=$(OUT)/stills/model systems.2.model=$(OUT)/stills/model \
		data.manifest=$(DATA) $(EVALUATE_ARGS)

$(ANALYSIS): $(REPORT)
	$(call say,5/6 Analysing a clip with words of our own)
	$(BIN)/emoclip analyze $(CLIP) --emotions "happiness,quiet relief,anger,bewilderment,boredom" \
		--model $(OUT)/clips/model --output $@ --plot $(OUT)/analysis.png --overwrite

$(ELSEWHERE): $(REPORT)
	$(call say,6/6 Loading it by AutoModel from another folder)
	cd / && $(abspath $(BIN))/python -P -c "$$LOAD_ELSEWHERE" $(abspath $(OUT)/clips/model) $(abspath $(CLIP)) | tee $(abspath $@)

# ---- the packaged model by every protocol; what it needs of the demo is made first ----
# Each step is done once: a stopped run goes on where it was. The report lies in $(OUT)/protocols, what is kept of it in $(RESULTS).

CLASSES := anger disgust fear happiness neutral sadness surprise contempt anxiety helplessness disappointment
COMPOUND := $(OUT)/compound/compound.parquet
COMPOUND_CLIPS ?= 860
WITHOUT := $(OUT)/without/.all
PROTOCOLS := $(OUT)/protocols/report.json
RESULTS ?= results/embedded_default_protocols
# One training for each core, each with one thread: the model is too small to share.
TRAIN_ONE := OMP_NUM_THREADS=1 $(LAUNCH_WITH) 1 train.py --config configs/train/leave_class_out_synthetic.yaml \
	data.manifest=$(DATA) data.features_dir=$(OUT)/features model.name=$(OUT)/stills/model $(CLIPS_ARGS) --resume

default-results: $(VENV)/.installed-all  ## Judge the packaged model by every protocol (half an hour on 2 cores, after `make demo` 18 minutes)
	@$(MAKE) --no-print-directory default-results-steps

default-results-steps: export HF_HOME := $(abspath $(OUT))/cache
default-results-steps: export HF_HUB_OFFLINE := 1
default-results-steps: export TOKENIZERS_PARALLELISM := false
default-results-steps: results-folder $(PROTOCOLS)
	$(call say,A small copy for $(RESULTS))
	$(BIN)/emoclip report $(OUT)/protocols --compact $(RESULTS) --overwrite

# What may not be replaced is told now and not after half an hour.
results-folder:
	@[ ! -e $(RESULTS) ] || [ -f $(RESULTS)/report.json ] || [ -z "$$(ls -A $(RESULTS))" ] || \
		{ echo "RESULTS must be new, empty or an earlier report (with report.json), got $(RESULTS); remove it or choose another: make default-results RESULTS=FOLDER" >&2; exit 1; }

$(COMPOUND):
	$(call say,Rendering compound expressions)
	$(BIN)/python data_scripts/render_synthetic_faces.py --output $(OUT)/compound \
		--train-clips 0 --test-clips 0 --stills 0 --compound-clips $(COMPOUND_CLIPS)

$(WITHOUT): $(STILLS)
	$(call say,Training without each class in turn: $(THREADS) at once; logs in $(OUT)/without)
	@mkdir -p $(OUT)/without
	@for class in $(CLASSES); do [ -e $(OUT)/without/$$class/run.json ] || echo $$class; done | xargs -P $(THREADS) -I {} $(SHELL) -c \
		'$(TRAIN_ONE) output_dir=$(OUT)/without/{} data.left_out_class={} > $(OUT)/without/{}.log 2>&1 \
		&& echo "trained without {}" || { tail -n 3 $(OUT)/without/{}.log >&2; exit 255; }'
	@touch $@

$(PROTOCOLS): $(COMPOUND) $(WITHOUT)
	$(call say,Every protocol)
	$(BIN)/python evaluate.py --config configs/eval/embedded_default.yaml --output $(OUT)/protocols --overwrite \
		sets.faces.data.manifest=$(DATA) sets.compound.data.manifest=$(COMPOUND) \
		'sets.faces.protocols.leave_one_out.model=$(OUT)/without/{class}/model' features=$(OUT)/protocol_features $(EVALUATE_ARGS)

define LOAD_ELSEWHERE
import sys
import torch
from transformers import AutoModel, AutoProcessor

folder, video = sys.argv[1:]
model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
texts = ["the mouth corners go up and the cheeks rise", "the brows come down and the lips press together"]
with torch.inference_mode():
    match = model(**processor(text=texts, videos=video, return_tensors="pt")).logits_per_video.softmax(dim=-1)
print(f"{type(model).__module__}.{type(model).__name__}")
for text, value in zip(texts, match[0].tolist()):
    print(f"{value:6.1%}  {text}")
endef
export LOAD_ELSEWHERE

define SUMMARY
import json, sys
report = json.load(open(sys.argv[1]))
print("zero-shot over {num_classes} classes, {num_clips} clips: UAR {uar:.3f} (95 % interval {uar_interval[0]:.3f} to "
      "{uar_interval[1]:.3f}), WAR {war:.3f}, macro-F1 {macro_f1:.3f}".format(**report))
print("chance: UAR {:.3f}".format(1 / report["num_classes"]))
endef
export SUMMARY

# ---- the Space ----

SPACE := outputs/space

space: space-folder  ## Assemble the Space, with the package's wheel, and start it
	$(BIN)/python $(SPACE)/app.py

space-folder: $(VENV)/.installed-all  ## Assemble the Space in outputs/space
	$(BIN)/python -P -c 'import sys; from emoclip.demo.space_folder import assemble_space; assemble_space("space", sys.argv[1])' $(SPACE)
	ls -l $(SPACE)

clean:  ## Remove what the targets made, not .venv/ and not other runs in outputs/
	rm -rf outputs/demo outputs/demo-short outputs/ci outputs/space build dist .pytest_cache .ruff_cache .mypy_cache *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# ---- checks ----

test: $(VENV)/.installed-test  ## Run the default tests (5 minutes at most, offline)
	$(OFFLINE) $(PARALLEL)

test-all: $(VENV)/.installed-test  ## Run the slow tests as well
	$(OFFLINE) $(PARALLEL) -m 'not gpu'

check: $(VENV)/.installed-dev  ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# What some of them need beside their name.
BENCH_analysis_speed := clip
BENCH_distilled_projection := --output outputs/distilled_projection
BENCH_evaluation_passes := --manifest $(DATA)
BENCH_film_studies := --output outputs/film_studies
BENCHMARKS := $(filter-out gather_overhead,$(basename $(notdir $(wildcard benchmarks/*.py))))

bench: $(VENV)/.installed-all $(DATA)  ## Run all benchmarks, which takes hours; each prints one JSON line
	@$(foreach name,$(BENCHMARKS),$(BIN)/python -P benchmarks/$(name).py $(BENCH_$(name)) &&) \
		$(BIN)/torchrun --standalone --nproc_per_node 2 benchmarks/gather_overhead.py

default-model: $(VENV)/.installed-all  ## Package the model that `make demo` made, and its report in results/
	$(BIN)/python -P -m emoclip.export.embedded_default $(OUT)/clips $(OUT)/report/report.json
	$(BIN)/emoclip report $(OUT)/report --compact results/embedded_default --overwrite

default-code: $(VENV)/.installed-all  ## Refresh the code and the maps inside the packaged default model
	$(BIN)/python -P -c 'from emoclip import default_model; from modeling_emoclip.hub_emoclip import complete_folder; complete_folder(default_model.path())'
