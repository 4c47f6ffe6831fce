#include "skylift/train/run_folder.h"

#include "skylift/core/error.h"
#include "skylift/core/file.h"
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

void check_unused(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "metrics.jsonl")) return;
  throw Error("{}: holds a run already (hint: --resume goes on with it, another --out begins a new one)",
              folder.string());
}

}  // namespace skylift
