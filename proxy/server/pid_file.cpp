#include "proxy/server/pid_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace slotless::server {

PidFile::~PidFile() {
  if (path_.empty()) return;
  long told = 0;
  if (std::ifstream(path_) >> told && told == getpid()) ::unlink(path_.c_str());
}

std::string PidFile::write(const std::string& path) {
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << getpid() << '\n';
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) return std::strerror(errno);
  path_ = path;
  return "";
}

}  // namespace slotless::server
