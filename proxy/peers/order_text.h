// An order to other proxies, and the answer of each, as they are written (before they are sealed, see
// seal.h).
//
// Names that are not known are skipped. Each number and length has a limit, for what comes from the channel
// may have been written by anybody.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/pubsub/peer_order.h"

namespace slotless::peers {

struct Order {
  std::string number;           // that nobody can guess
  std::string from;             // the id of the process that asks
  std::int64_t unixMillis = 0;  // when
  std::uint64_t room = 0;       // bytes that the lines of an answer may have
  std::vector<std::string> to;  // ids of processes: others are not meant
  pubsub::PeerOrder what;
};

struct Answer {
  std::string number;  // of the order
  std::string from;
  bool isDone = false;  // otherwise it was refused
  std::string text;
  std::string lines;
  std::uint64_t leftOut = 0;
};

inline constexpr std::size_t kMostOrderWords = 64;
inline constexpr std::size_t kMostOrderBytes = std::size_t{16} * 1024;  // of its words
inline constexpr std::size_t kMostLineBytes = std::size_t{128} * 1024;  // of an answer
inline constexpr std::size_t kMostAnswerText = 1024;

// Whether others would read it.
bool isWritable(const pubsub::PeerOrder& order);

std::string written(const Order& order);
std::optional<Order> readOrder(std::string_view message);
// What is too long is cut off: of lines whole ones, which are counted as left out.
std::string written(Answer answer);
std::optional<Answer> readAnswer(std::string_view message);

// Leaves out whole lines at the end until the rest has `room`; returns how many.
std::uint64_t cutLines(std::string& lines, std::size_t room);

}  // namespace slotless::peers
