// The users in force, for all threads: a snapshot that is replaced as a whole.
//
// Safe on any thread. Whoever changes it has the workers look at it anew.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proxy/access/users.h"

namespace slotless::access {

class Roster {
 public:
  struct Snapshot {
    bool on = false;  // users have been configured; otherwise there are none
    std::uint64_t version = 0;
    Users users;
  };
  using SnapshotPtr = std::shared_ptr<const Snapshot>;

  // What the configuration says.
  struct Source {
    bool on = false;
    std::vector<std::string> lines;
    std::string password;  // of a default user that the lines do not name; empty: none

    bool operator==(const Source&) const = default;
  };
  // Takes the users of the configuration, unless it says what it said the last time: what commands have
  // changed since stays then. Errors leave everything as it was; if there were no users, nobody is one.
  std::vector<std::string> configure(const Source& source, const Vocabulary& vocabulary);

  SnapshotPtr snapshot() const;
  // `make` gets a copy of the users and says what is wrong, or nothing; then the copy is in force.
  using Change = std::function<std::optional<std::string>(Users& users)>;
  std::optional<std::string> change(const Change& make);
  // As the configuration would make it.
  User standardDefault() const;

 private:
  void replace(bool on, Users users);

  mutable std::mutex mutex_;
  std::optional<Source> source_;
  SnapshotPtr snapshot_ = std::make_shared<const Snapshot>();
};

}  // namespace slotless::access
