#include "proxy/cluster/server_identity.h"

#include <algorithm>

namespace slotless::cluster {

bool ServerIdentity::isAtLeast(std::string_view ofProduct,
                               std::initializer_list<std::uint32_t> ofVersion) const {
  return product == ofProduct && std::lexicographical_compare_three_way(
                                     version.begin(), version.end(), ofVersion.begin(), ofVersion.end()) >= 0;
}

}  // namespace slotless::cluster
