#include "proxy/access/roster.h"

#include <utility>

namespace slotless::access {

std::vector<std::string> Roster::configure(const Source& source, const Vocabulary& vocabulary) {
  const std::lock_guard guard(mutex_);
  if (source_ == source) return {};
  ReadUsers read;
  if (source.on) {
    read = readUsers(source.lines, makeDefaultUser(source.password), vocabulary, Unknown::Accepted, "users");
    if (!read.errors.empty()) {
      // Where there were none before, nobody is let in, rather than everybody.
      if (!snapshot_->on) replace(true, {});
      return std::move(read.errors);
    }
  }
  source_ = source;
  replace(source.on, std::move(read.users));
  return {};
}

Roster::SnapshotPtr Roster::snapshot() const {
  const std::lock_guard guard(mutex_);
  return snapshot_;
}

std::optional<std::string> Roster::change(const Change& make) {
  const std::lock_guard guard(mutex_);
  Users users = snapshot_->users;
  if (auto error = make(users)) return error;
  replace(snapshot_->on, std::move(users));
  return std::nullopt;
}

User Roster::standardDefault() const {
  const std::lock_guard guard(mutex_);
  return makeDefaultUser(source_ ? source_->password : std::string());
}

void Roster::replace(bool on, Users users) {
  snapshot_ = std::make_shared<const Snapshot>(Snapshot{on, snapshot_->version + 1, std::move(users)});
}

}  // namespace slotless::access
