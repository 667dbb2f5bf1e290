// The words in which a cut-over is decided (upstream migrating): the daemon and slotless migrate share them.
#pragma once
#include <string>
#include <string_view>

namespace slotless::config {

// One of these is in force for good …
inline constexpr std::string_view kServerSide = "single";
inline constexpr std::string_view kClusterSide = "cluster";
// … and this while the cut-over of that id is not decided.
inline std::string preparingSide(std::string_view id) {
  return "preparing:" + std::string(id);
}

}  // namespace slotless::config
