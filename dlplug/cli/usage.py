"""What `dlplug --help` says."""

USAGE = """\
dlplug: one command for every topic of a deep-learning course

  dlplug list [recipes|data|models|losses|optimizers|trainers|metrics|samplers|observers|launchers|commands]
  dlplug show RECIPE                      print its parts, options, source and targets
  dlplug run RECIPE [--out FOLDER] [--preset NAME] [--config FILE] [--OPTION VALUE …]
      `run --config RUN/config.yaml` repeats a run; --launcher NAME starts it elsewhere: `dlplug list launchers`
  dlplug resume RUN [--OPTION VALUE …]    continue from the last checkpoint
  dlplug eval RUN [--OPTION VALUE …]      measure on the test split
  dlplug sample RUN [--what SAMPLER] [--out PATH] [--OPTION VALUE …]   show what it learnt: pictures, a video, text
  dlplug verify RECIPE [--seeds N] [--OPTION VALUE …]   train, evaluate, compare with the target, record
      in verified/; --each OPTION=VALUE,VALUE does so for each value, --games A,B is short for --each data.game=A,B;
      exits with 0 if the worse end of the 95 % interval over the seeds reaches every target, else with 1
      (as always with one seed, which has no interval);
      --record, for maintainers, records in the plugin's own results/, from which the READMEs' tables are written
  dlplug verify --all --table [--check]   write the READMEs' results tables from the records, or list stale ones
  dlplug plugins                          list installed plugins, and whether they work
  dlplug doctor                           check this machine, with advice on what does not work
  dlplug completion bash|zsh|fish         print a completion script for the shell{commands}

RUN is a run folder, or a recipe's name for its newest run. `dlplug run RECIPE --help` lists a recipe's options,
`dlplug sample RUN --help` those of its samplers.
Everywhere: -p no:NAME leaves a plugin out, -p FILE.py adds one, --debug shows tracebacks.
list, show, eval, sample, verify, plugins and doctor take --json.{typed}"""
