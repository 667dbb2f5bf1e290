#include "proxy/cluster/unchecked_slots.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace slotless::cluster {

namespace {

using Version = std::array<std::uint32_t, 3>;

struct Row {
  std::string_view command;
  std::string_view product;
  Version from;  // this one and all later ones: no server is known yet that does it right again
};
constexpr Row kRows[] = {
    {.command = "msetex", .product = "valkey", .from = {9, 1, 0}},  // seen on 9.1.2
};

bool applies(const Row& row, std::string_view product, const std::vector<std::uint32_t>& version) {
  return row.product == product &&
         !std::lexicographical_compare(version.begin(), version.end(), row.from.begin(), row.from.end());
}

}  // namespace

void markUncheckedSlots(std::vector<protocol::CommandSpec>& facts, std::string_view product,
                        const std::vector<std::uint32_t>& version) {
  for (protocol::CommandSpec& spec : facts) {
    spec.slotUnchecked = std::any_of(std::begin(kRows), std::end(kRows), [&](const Row& row) {
      return row.command == spec.name && applies(row, product, version);
    });
  }
}

}  // namespace slotless::cluster
