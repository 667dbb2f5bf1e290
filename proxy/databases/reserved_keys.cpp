#include "proxy/databases/reserved_keys.h"

#include <algorithm>
#include <iterator>

#include "protocol/operand_names.h"

namespace slotless::databases {

namespace {

constexpr std::string_view kBegin = "~{";
constexpr std::string_view kOwn[] = {"slotless-", "scan:"};

}  // namespace

bool isOwnKey(std::string_view key) noexcept {
  if (!key.starts_with(kBegin)) return false;
  const std::string_view tag = key.substr(kBegin.size());
  return std::any_of(std::begin(kOwn), std::end(kOwn),
                     [&](std::string_view own) { return tag.starts_with(own); }) ||
         protocol::isOperandName(key);
}

bool mayNameOwnKey(std::string_view bytes) noexcept {
  return bytes.find(kBegin) != std::string_view::npos;
}

}  // namespace slotless::databases
