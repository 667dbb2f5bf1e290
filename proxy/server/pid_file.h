// The file that tells operators and service managers which process serves.
#pragma once
#include <string>

namespace slotless::server {

class PidFile {
 public:
  PidFile() = default;
  // Removes the file, unless it was left or tells another process by now.
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  // Never seen half-written. Returns why it could not be, or "".
  std::string write(const std::string& path);
  // The file is a successor's from now on. It may write it at any time, also between a look at it and its
  // removal.
  void leave() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace slotless::server
