#include "proxy/server/file_watch.h"

#include <sys/stat.h>

#include <utility>

namespace slotless::server {

namespace {

std::int64_t nanosOf(const timespec& time) {
  constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
  return static_cast<std::int64_t>(time.tv_sec) * kNanosPerSecond + time.tv_nsec;
}

}  // namespace

FileWatch::Signature FileWatch::signatureOf(const std::string& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino, facts.st_size, nanosOf(facts.st_mtim), nanosOf(facts.st_ctim)};
}

std::vector<FileWatch::Signature> FileWatch::signatures() const {
  std::vector<Signature> found;
  for (const std::string& file : files_) found.push_back(signatureOf(file));
  return found;
}

void FileWatch::begin(std::vector<std::string> files) {
  files_ = std::move(files);
  std::erase_if(files_, [](const std::string& file) { return file.empty(); });
  read_ = seen_ = signatures();
}

bool FileWatch::look() {
  std::vector<Signature> now = signatures();
  const bool atRest = now == seen_;
  seen_ = std::move(now);
  if (!atRest || seen_ == read_) return false;
  read_ = seen_;
  return true;
}

}  // namespace slotless::server
