"""What `dlplug --help` says."""

USAGE = """\
dlplug: one command for every topic of a deep-learning course

  dlplug list [recipes|data|models|losses|optimizers|trainers|metrics|samplers|observers|launchers|commands]
  dlplug show RECIPE                      its parts, options, source and targets
  dlplug run RECIPE [--out FOLDER] [--preset NAME] [--config FILE] [--OPTION VALUE …]
      `run --config RUN/config.yaml` repeats a run; --launcher NAME starts it elsewhere: `dlplug list launchers`
  dlplug resume RUN [--OPTION VALUE …]    go on from the last checkpoint
  dlplug eval RUN [--OPTION VALUE …]      the test split's metrics, or the environment's
  dlplug sample RUN [--what SAMPLER] [--out PATH] [--OPTION VALUE …]   what it makes: pictures, a video, text
  dlplug verify RECIPE [--seeds N] [--OPTION VALUE …]   train, evaluate, compare with the target, record
      in verified/; --each OPTION=VALUE,VALUE does so for each value, --games A,B is short for --each data.game=A,B;
      exits with 0 where every target is reached by the worse end of its 95 % interval over the seeds, with 1 where
      one is not, or by its mean alone, as with one seed, which has no interval;
      --record, for maintainers, records in the plugin's own results/, from which the READMEs' tables are written
  dlplug verify --all --table [--check]   write the READMEs' results tables from the records, or say which are stale
  dlplug plugins                          what is installed, and whether it works
  dlplug doctor                           what works here, and what to do about what does not
  dlplug completion bash|zsh|fish         a script for the shell{commands}

RUN is a run folder, or a recipe's name for its newest run. `dlplug run RECIPE --help` lists a recipe's options,
`dlplug sample RUN --help` those of its samplers.
Everywhere: -p no:NAME leaves a plugin out, -p FILE.py adds one, --debug shows tracebacks.
list, show, eval, sample, verify, plugins and doctor take --json.{typed}"""
