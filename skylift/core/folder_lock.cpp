#include "skylift/core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "skylift/core/error.h"

namespace skylift {

FolderLock::FolderLock(const std::filesystem::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), held_(false) {
  if (descriptor_ < 0) throw Error("{}: cannot open this folder: {}", folder.string(), std::strerror(errno));
  held_ = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  if (held_ || errno == EWOULDBLOCK) return;
  const int code = errno;
  ::close(descriptor_);
  throw Error("{}: cannot lock this folder: {}", folder.string(), std::strerror(code));
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace skylift
