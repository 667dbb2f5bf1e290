// What a value is, as a number that does not depend on how a server keeps it: the same for the same elements,
// in whatever order sets and hashes tell them.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/subcommand/reply.h"

namespace slotless::migrate {

class ValueDigest {
 public:
  using Number = std::array<std::uint64_t, 2>;

  // An element at its place.
  void addNext(const std::vector<std::string_view>& parts);
  // An element of what has no order; those that are told twice count once.
  void add(const std::vector<std::string_view>& parts);
  const Number& number() const noexcept { return number_; }

 private:
  void sum(const Number& element) noexcept;

  Number number_{};
  std::uint64_t next_ = 0;
  std::unordered_set<std::uint64_t> seen_;
};

// Asks one server; nullopt: stopped.
using Ask = std::function<std::optional<subcommand::Reply>(std::vector<std::string> words)>;

struct DigestResult {
  ValueDigest::Number number{};
  // Of a stream's consumer groups: where they stand, their consumers, and what is pending.
  ValueDigest::Number groups{};
  bool stopped = false;
  std::string error = {};  // such as a type that is not known here
};

// Reads it some elements at a time.
DigestResult digestOf(const std::string& name, std::string_view type, const Ask& ask);

}  // namespace slotless::migrate
