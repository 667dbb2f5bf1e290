// What a migration tells: lines for people, or JSON. Thread-safe.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>

#include "proxy/subcommand/size_text.h"

namespace slotless::migrate {

// Numbers of a run for the terminal, for --json and for the journal.
struct Standing {
  std::string phase;  // "walking", "following", "caught up"
  std::uint32_t database = 0;
  std::uint64_t walked = 0;
  std::uint64_t expected = 0;
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::uint64_t deleted = 0;
  std::uint64_t waiting = 0;  // changed names
  std::int64_t lagMs = 0;
  std::int64_t latencyUs = 0;
  double keysPerSecond = 0;
  double bytesPerSecond = 0;
  std::int64_t etaSeconds = -1;  // -1: not known
};

class Reporter {
 public:
  explicit Reporter(bool json);

  // An event: a line of its own, on stderr unless it is JSON.
  void say(const std::string& text);
  void fail(const std::string& text);
  // May overwrite the one before on a terminal; elsewhere only some are printed.
  void show(const Standing& standing, bool important);
  // What was asked for, on stdout.
  void print(const std::string& text);
  bool json() const noexcept { return json_; }

 private:
  void endLine();

  const bool json_;
  const bool terminal_;
  std::mutex mutex_;
  bool lineIsOpen_ = false;
  std::uint64_t shown_ = 0;
};

using subcommand::byteText;

}  // namespace slotless::migrate
