#include "proxy/migrate/journal.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <random>
#include <thread>
#include <utility>

#include "config/side_words.h"
#include "protocol/slot.h"

namespace slotless::migrate {

using subcommand::Reply;

namespace {

constexpr std::string_view kLapse = "15000";
constexpr std::chrono::milliseconds kBetweenLooks{200};

std::string hostName() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string identity() {
  std::random_device random;
  return hostName() + ":" + std::to_string(::getpid()) + ":" + std::to_string(random());
}

}  // namespace

bool isDead(std::string_view owner) {
  const std::size_t last = owner.rfind(':');
  if (last == std::string_view::npos || last == 0) return false;
  const std::size_t middle = owner.rfind(':', last - 1);
  if (middle == std::string_view::npos || owner.substr(0, middle) != hostName()) return false;
  int process = 0;
  const std::string_view digits = owner.substr(middle + 1, last - middle - 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), process);
  return parsed.ec == std::errc{} && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

bool isAlive(std::string_view owner) {
  return !owner.empty() && !isDead(owner);
}

std::string Journal::fieldOf(const Fields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

void Journal::correct(Fields& fields, std::string_view side) {
  const bool copiesBack = fields["direction"] == kToServer;
  if (fieldOf(fields, "caught_up") != "1" || copiesBack == config::isClusterInForce(side)) return;
  fields["caught_up"] = "0";
  fields["phase"] = "changing sides";
}

Journal::Journal(NodeWriter writer) : writer_(std::move(writer)), me_(identity()) {}

Reply Journal::ask(std::vector<std::string> words) {
  std::vector<NodeOp> ops;
  ops.push_back({protocol::slotOf(kState), 0, std::move(words), {}, false});
  if (!writer_.carryOut(ops)) return {Reply::Kind::Error, "stopped"};
  return std::move(ops.front().reply);
}

std::string Journal::read(Fields& fields) {
  const Reply reply = ask({"HGETALL", std::string(kState)});
  if (reply.failed()) return reply.text;
  for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2)
    fields[reply.items[i].text] = reply.items[i + 1].text;
  return {};
}

std::string Journal::write(const Fields& fields) {
  std::vector<std::string> words{"HSET", std::string(kState)};
  for (const auto& [name, value] : fields) {
    words.push_back(name);
    words.push_back(value);
  }
  const Reply reply = ask(std::move(words));
  return reply.failed() ? reply.text : std::string();
}

std::string Journal::erase() {
  const Reply reply = ask({"DEL", std::string(kState), std::string(kOwner)});
  return reply.failed() ? reply.text : std::string();
}

std::string Journal::owner() {
  return ask({"GET", std::string(kOwner)}).text;
}

std::string Journal::acquire(const std::function<void(const std::string&)>& say) {
  bool said = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    const Reply set = ask({"SET", std::string(kOwner), me_, "NX", "PX", std::string(kLapse)});
    if (set.isOk()) return {};
    if (set.isError()) return set.text;
    const std::string other = owner();
    // A lost answer: it was this process.
    if (other == me_) return {};
    if (!other.empty() && isDead(other)) {
      const Reply taken = ask({"SET", std::string(kOwner), me_, "XX", "PX", std::string(kLapse)});
      if (taken.isOk()) return {};
    }
    if (std::chrono::steady_clock::now() > deadline)
      return "another migration into this cluster is at work (" + other + ")";
    if (!std::exchange(said, true)) say("waiting for the migration of " + other + " to end, or to lapse");
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

std::string Journal::renew() {
  const std::string now = owner();
  if (now == me_) {
    ask({"PEXPIRE", std::string(kOwner), std::string(kLapse)});
    return {};
  }
  if (now.empty()) {
    ask({"SET", std::string(kOwner), me_, "NX", "PX", std::string(kLapse)});
    return {};
  }
  return now == "stopped" ? std::string() : "another migration has taken over (" + now + ")";
}

void Journal::releaseBy(Journal& other) const {
  if (other.owner() == me_) other.ask({"DEL", std::string(kOwner)});
}

}  // namespace slotless::migrate
