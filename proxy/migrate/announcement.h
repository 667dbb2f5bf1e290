// What a process that serves clients says of itself in the cluster: where it runs, for people, and how its
// console is reached.
//
// Written as one text, the consoles in front: older releases say the first alone, and show all of it. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace slotless::migrate {

struct Announcement {
  std::string where;
  std::vector<std::string> consoles = {};  // URLs without credentials

  bool operator==(const Announcement&) const = default;
};

// Where clients are accepted of whom nothing else is expected; `*` where that is any address of the machine.
std::vector<std::string> consolesOf(const config::Config& config);
// `address`: of this machine, as the cluster sees it; empty: not known, and consoles at `*` are left out.
std::string written(const Announcement& announcement, const std::string& address);
Announcement readAnnouncement(std::string_view text);

}  // namespace slotless::migrate
