// What the tests of the worker send and expect again and again, as it stands on the wire.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "fake_client.h"

namespace slotless::test {

inline constexpr std::string_view kOk = "+OK\r\n";
inline constexpr std::string_view kNil = "*-1\r\n";
inline constexpr std::string_view kPong = "+PONG\r\n";
inline constexpr std::string_view kQueued = "+QUEUED\r\n";
inline constexpr std::string_view kNoAuth = "-NOAUTH Authentication required.\r\n";
inline constexpr std::string_view kWrongPass =
    "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
inline constexpr std::string_view kNoKey =
    "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
inline constexpr std::string_view kCrossSlot = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
inline constexpr std::size_t kMiB = std::size_t{1024} * 1024;
inline constexpr std::string_view kPaused = "EVAL return(0) 0";
inline constexpr std::string_view kBusy =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
inline constexpr std::size_t kPiece = 10'000;
inline constexpr std::string_view kLoading = "-LOADING Redis is loading the dataset in memory\r\n";
inline constexpr std::string_view kNoScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n";
inline constexpr std::string_view kFlush = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// `first` is '*' in RESP2, and '>' in RESP3.
inline std::string notice(std::string_view word, std::string_view name, int count, char first = '*') {
  return first + ("3\r\n" + bulk(word) + bulk(name) + ":") + std::to_string(count) + "\r\n";
}

inline std::string message(std::string_view channel, std::string_view text, char first = '*') {
  return first + ("3\r\n" + bulk("message") + bulk(channel) + bulk(text));
}

inline std::string patternMessage(std::string_view pattern, std::string_view channel, std::string_view text,
                                  char first = '*') {
  return first + ("4\r\n" + bulk("pmessage") + bulk(pattern) + bulk(channel) + bulk(text));
}

inline std::string invalidation(std::string_view key) {
  return ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + bulk(key);
}

inline std::string noCommand(std::string_view name) {
  return "-NOPERM this user has no permissions to run the '" + std::string(name) + "' command\r\n";
}

}  // namespace slotless::test
