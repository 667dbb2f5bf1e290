// What is logged, instead of on stderr, for as long as this object lives.
#pragma once
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "proxy/telemetry/log.h"

namespace slotless::test {

class CapturedLog {
 public:
  explicit CapturedLog(log::Level level)
      : before_(log::level()), saved_(dup(STDERR_FILENO)), file_(std::tmpfile()) {
    log::flush();
    dup2(fileno(file_), STDERR_FILENO);
    log::setLevel(level);
  }
  ~CapturedLog() {
    log::flush();
    log::setLevel(before_);
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    std::fclose(file_);
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string text() const {
    log::flush();
    std::string all(1 << 16, '\0');
    const ssize_t size = pread(fileno(file_), all.data(), all.size(), 0);
    all.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return all;
  }

 private:
  const log::Level before_;
  const int saved_;
  std::FILE* const file_;
};

}  // namespace slotless::test
