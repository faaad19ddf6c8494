//! Slurm: a script that submits each wave of chunks as arrays after the wave before it, and then the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use super::{Jobs, Target, command_line, quoted};
use crate::cli::compiled::{DONE, FINISHED};

pub(super) struct Slurm {
    /// Maximum number of elements in an array.
    pub(super) array_limit: usize,
}

impl Target for Slurm {
    fn files(&self, jobs: &Jobs<'_>) -> io::Result<BTreeMap<&'static str, (String, bool)>> {
        Ok(BTreeMap::from([("submit.sh", (self.script(jobs), true))]))
    }

    fn command(&self, jobs: &Jobs<'_>) -> String {
        quoted(&format!("{}/submit.sh", jobs.folder))
    }
}

impl Slurm {
    fn script(&self, jobs: &Jobs<'_>) -> String {
        let (cpus, memory) = (jobs.common.cpus, jobs.common.memory);
        let chunks = &jobs.plan.chunks;
        // The shell of the job adds the two numbers.
        let number = "$((FIRST + SLURM_ARRAY_TASK_ID))";
        let chunk = quoted(&format!("exec {} --chunk {number} --jobs {cpus}", command_line(&jobs.exec())));
        let finish = quoted(&format!("exec {} --jobs {cpus}", command_line(&jobs.finish())));
        let mut waves = String::new();
        for wave in 0..jobs.waves() {
            let members: Vec<usize> = (0..chunks.len()).filter(|&chunk| chunks[chunk].wave == wave).collect();
            for block in members.chunks(self.array_limit) {
                let minutes = block.iter().map(|&chunk| chunks[chunk].minutes).max().unwrap_or(0);
                let _ = writeln!(waves, "submit {wave} {} {} {minutes} \"$@\"", block[0], block[block.len() - 1]);
            }
            waves.push_str("next_wave\n");
        }
        format!(
            r#"#!/usr/bin/env bash
# {head}
# Submits {count} chunks in {wave_count} waves, and the job that writes reports and lock files. Run it again after a failure: it submits
# what is not done yet. Its options are handed to sbatch: ./submit.sh --partition=short --account=mine
set -euo pipefail
here=$(cd -- "$(dirname -- "${{BASH_SOURCE[0]}}")" && pwd)
cd -- "$here"/{root}
marks="$here"/{DONE}/{id}
logs="$here"/logs
mkdir -p "$logs"
if [ -e "$marks/{FINISHED}" ]; then
  echo "all is done"
  exit 0
fi
# The jobs of this wave, and those that it waits for.
wave=
before=
after() {{ if [ -n "$before" ]; then echo "--dependency=afterok$before"; fi; }}

# submit WAVE FIRST LAST MINUTES OPTIONS: those of the chunks that are not done, as one array.
submit() {{
  local number=$1 first=$2 last=$3 minutes=$4 left=() chunk id
  shift 4
  for ((chunk = first; chunk <= last; chunk++)); do
    if [ ! -e "$marks/$chunk" ]; then left+=($((chunk - first))); fi
  done
  if [ ${{#left[@]}} -eq 0 ]; then return 0; fi
  id=$(FIRST=$first sbatch --parsable --job-name="lawfit-$number" --array="$(IFS=,; echo "${{left[*]}}")" \
    --cpus-per-task={cpus} --mem={memory}M --time="$minutes" --requeue --kill-on-invalid-dep=yes $(after) \
    --output="$logs/%A_%a.log" --open-mode=append --export=ALL --chdir="$PWD" "$@" \
    --wrap={chunk})
  wave="$wave:${{id%%;*}}"
}}

# What is submitted from here on waits for the wave so far; where all of it is done, for what came before.
next_wave() {{
  if [ -n "$wave" ]; then before=$wave; fi
  wave=
}}

{waves}id=$(sbatch --parsable --job-name=lawfit-finish --cpus-per-task={cpus} --mem={memory}M --time=60 --requeue \
  --kill-on-invalid-dep=yes $(after) --output="$logs/%j.log" --open-mode=append --export=ALL --chdir="$PWD" "$@" \
  --wrap={finish})
echo "job ${{id%%;*}} writes reports and lock files"
"#,
            head = jobs.head(),
            count = chunks.len(),
            wave_count = jobs.waves(),
            root = quoted(&jobs.root),
            id = jobs.plan.id,
        )
    }
}
