// The logins and commands that the proxy has refused, as ACL LOG shows them.
//
// Shared by all workers, safe on any thread. Like attempts within a minute count as one. Source: Redis 7.0
// acl.c addACLLogEntry().
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::session {

struct AclEntry {
  std::uint64_t id = 0;
  std::uint64_t count = 1;
  std::string reason;   // "auth", "command", "key", "channel"
  std::string context;  // "toplevel", "multi"
  std::string object;   // of a login: the command as it was sent; otherwise the command, key or channel
  std::string username;
  std::string client;        // as in CLIENT LIST
  std::int64_t created = 0;  // milliseconds since 1970 …
  std::int64_t updated = 0;  // … at the last attempt
};

class AclLog {
 public:
  // `most`: of entries, acllog-max-len; older ones go. Of long objects and names the beginning is kept.
  void add(std::size_t most, std::string_view reason, std::string_view context, std::string_view object,
           std::string_view username, std::string_view client);
  void add(std::size_t most, AclEntry entry);
  // The newest first.
  std::vector<AclEntry> entries() const;
  void clear();

  static std::int64_t now();

 private:
  static constexpr std::int64_t kOneMillis = 60'000;

  mutable std::mutex mutex_;
  std::deque<AclEntry> entries_;
  std::uint64_t nextId_ = 0;
};

}  // namespace slotless::session
