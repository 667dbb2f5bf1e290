// What the clients of each user have asked for and been given since the start, over all workers.
//
// Thread-safe. Each worker tells its own part about once a second, as a whole: between two of them nothing is
// counted here, so no request pays for it. So many users are told apart, those that came first; all others
// are one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace slotless::telemetry {

struct UserFigures {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;         // error replies
  std::uint64_t receivedBytes = 0;  // from its clients
  std::uint64_t sentBytes = 0;

  void add(const UserFigures& more) noexcept {
    requests += more.requests;
    errors += more.errors;
    receivedBytes += more.receivedBytes;
    sentBytes += more.sentBytes;
  }
  bool operator==(const UserFigures&) const = default;
};

class UserCounts {
 public:
  using ByUser = std::map<std::string, UserFigures, std::less<>>;

  static constexpr std::size_t kMostUsers = 256;
  // No name of a user has a blank.
  static constexpr std::string_view kOthers = "(all others)";

  static UserCounts& ofProcess();

  // The name itself, or kOthers.
  std::string nameFor(std::string_view user);
  // All that this worker has; in the place of what it told before.
  void tell(const void* worker, ByUser figures);
  void withdraw(const void* worker);
  ByUser all() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> names_;
  std::map<const void*, ByUser> parts_;
};

}  // namespace slotless::telemetry
