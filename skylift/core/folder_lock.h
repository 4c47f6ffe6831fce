// One process at a time in a folder. The lock ends with the process, however that ends, and leaves no file behind.
#pragma once

#include <filesystem>

namespace skylift {

class FolderLock {
 public:
  /// Tries once. Error: the folder cannot be opened, or its file system has no locks.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  bool held() const { return held_; }  ///< false: another process, or another lock of this one, has the folder

 private:
  int descriptor_;
  bool held_;
};

}  // namespace skylift
