#include "skylift/train/run_folder.h"

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/core/temporary_file.h"
#include "skylift/train/checkpoint.h"

namespace skylift {

void lock_run(std::optional<FolderLock>& lock, const std::filesystem::path& folder) {
  make_folder(state_folder(folder));
  lock.emplace(state_folder(folder));
  if (!lock->held()) {
    throw Error("{}: another process trains in this folder (hint: wait for it, or name another --out)",
                folder.string());
  }
  remove_orphans(folder);
  remove_orphans(state_folder(folder));
}

void check_unused(const std::filesystem::path& folder, const std::string& config) {
  if (is_there(folder / "metrics.jsonl")) {
    throw Error("{}: holds a run already (hint: --resume goes on with it, another --out begins a new one)",
                folder.string());
  }
  const auto check = [&](const char* name, bool is_there) {
    if (is_there)
      throw Error("{}: is there, and a run would write over it (hint: another --out)", (folder / name).string());
  };
  for (const char* name : {"best.safetensors", "last.safetensors"}) check(name, is_there(folder / name));
  // One of the same text is what a start that was ended before its first state has left.
  check("config.toml", is_file(folder / "config.toml") && read_file(folder / "config.toml") != config);
}

}  // namespace skylift
