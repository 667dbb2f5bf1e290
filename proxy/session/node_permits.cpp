#include "proxy/session/node_permits.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "protocol/denial.h"
#include "protocol/encoder.h"
#include "proxy/emulation/compositions.h"
#include "proxy/session/client.h"
#include "proxy/session/console_table.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/node_users.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::Argv;
using protocol::CommandSpec;
using protocol::SessionRole;

namespace {

constexpr std::size_t kMostPermissions = 512;
constexpr std::string_view kDefaultUser = "default";
// In its place the node is asked about something that only administrators may do.
constexpr std::string_view kForConsole[] = {"ACL", "LIST"};
// A transaction that could not be begun, or not be ended, would run its commands all the same.
constexpr std::string_view kMulti[] = {"MULTI"};
constexpr std::string_view kExec[] = {"EXEC"};

bool isDangerous(const CommandSpec& spec) {
  return std::any_of(spec.categoryNames.begin(), spec.categoryNames.end(), [](const std::string& category) {
    return category == "@admin" || category == "@dangerous";
  });
}

// What nodes get in its place may be allowed where it is not itself.
bool isMadeHere(const CommandSpec& spec) {
  return spec.role == SessionRole::Monitor || spec.wholeDatabase != protocol::WholeDatabase::None ||
         spec.emptiesAllDatabases || spec.transfer == protocol::Transfer::Move ||
         (isComposed(spec) && isDangerous(spec));
}

// The sentence of DRYRUN as the error of the command itself.
std::string refusalOf(std::string_view sentence) {
  std::string line(sentence);
  constexpr std::string_view kThis = "This ";
  if (line.starts_with(kThis)) line.front() = 't';
  return "NOPERM " + line;
}

}  // namespace

void PermitQuestion::onReply(std::string_view bytes, bool last) {
  reply.append(bytes);
  if (!last) return;
  if (reply.starts_with('+')) return owner->settle(*this, {});
  const std::size_t begin = reply.find("\r\n");
  std::string_view sentence =
      begin == std::string::npos ? std::string_view() : std::string_view(reply).substr(begin + 2);
  sentence = sentence.substr(0, sentence.find("\r\n"));
  owner->settle(*this, refusalOf(sentence));
}

void PermitQuestion::onErrorReply(std::string_view line, const upstream::SentRequest&) {
  if (line.starts_with("-ERR User ")) {
    owner->onMissing(*this);
    return owner->settle(*this, "NOPERM the user does not exist any more");
  }
  if (!dangerous) return owner->settle(*this, {});
  owner->settle(*this,
                "NOPERM Slotless cannot find out whether this user may run this command: its own user needs "
                "+acl|dryrun, and the nodes Redis 7.0 or later");
}

void PermitQuestion::onLost(upstream::Loss, const upstream::SentRequest&) {
  reply.clear();
  owner->wait(*this);
}

NodePermits::NodePermits(Services& services)
    : services_(services), timer_(services.host.loop.makeTimer([this] { tick(); })) {}

NodePermits::~NodePermits() = default;

NodePermits::Verdict NodePermits::permits(const Client& client, const CommandSpec& spec, Argv argv,
                                          std::string& line) {
  if (spec.has(protocol::kNoAuth)) return Verdict::Yes;
  if (isConsoleCommand(spec)) return ask(client, "proxy", kForConsole, true, line);
  const bool begins = spec.role == SessionRole::Multi || spec.slotUnchecked;
  if (begins) {
    std::string other;
    const Verdict multi = ask(client, "multi", kMulti, false, line);
    const Verdict exec = ask(client, "exec", kExec, false, other);
    if (multi == Verdict::Yes) line = other;
    return multi == Verdict::Yes || exec == Verdict::No ? exec : multi;
  }
  if (!isMadeHere(spec) && !services_.localAnswers.answers(spec, argv)) return Verdict::Yes;
  std::string key = spec.name;
  if (argv.size() > 1) key.append(" ").append(argv[1].substr(0, 64));
  return ask(client, std::move(key), argv, isDangerous(spec), line);
}

NodePermits::Verdict NodePermits::ask(const Client& client, std::string key, Argv argv, bool dangerous,
                                      std::string& line) {
  NodeUser& user = *client.nodeUser();
  if (const auto known = user.permissions.find(key); known != user.permissions.end()) {
    const bool isFresh = services_.host.now - known->second.at < services_.config.passthroughVerifyInterval;
    if (isFresh) {
      line = known->second.refusal;
      return line.empty() ? Verdict::Yes : Verdict::No;
    }
    user.permissions.erase(known);
  }
  const bool isAsked = std::any_of(all_.begin(), all_.end(), [&](const auto& each) {
    return each->client == client.id() && each->user == user.name && each->key == key;
  });
  if (isAsked) return Verdict::Waits;
  auto made = std::make_unique<PermitQuestion>();
  made->owner = this;
  made->client = client.id();
  made->user = user.name;
  made->key = std::move(key);
  made->dangerous = dangerous;
  made->deadline = services_.host.now + services_.config.connectTimeout;
  std::vector<std::string_view> words = {"ACL", "DRYRUN", user.name.empty() ? kDefaultUser : user.name};
  words.insert(words.end(), argv.begin(), argv.end());
  protocol::appendRequest(made->request, words);
  all_.push_back(std::move(made));
  send(*all_.back());
  return Verdict::Waits;
}

void NodePermits::send(PermitQuestion& question) {
  upstream::Link* link = services_.links.anyReady();
  if (link == nullptr) return wait(question);
  link->send(question, question.request, upstream::Front::None);
}

void NodePermits::wait(PermitQuestion& question) {
  waiting_.push_back(&question);
  if (!timer_->active()) timer_->start(kTick);
}

// Destroys the question.
void NodePermits::settle(PermitQuestion& question, std::string refusal) {
  const std::uint64_t id = question.client;
  services_.nodeUsers.forEach([&](NodeUser& user) {
    if (user.name != question.user) return;
    if (user.permissions.size() >= kMostPermissions) user.permissions.clear();
    user.permissions[question.key] = {services_.host.now, std::move(refusal)};
  });
  std::erase_if(all_, [&](const auto& each) { return each.get() == &question; });
  const auto asking = services_.clients.find(id);
  if (asking != services_.clients.end()) asking->second->wake();
}

// NodeUsers looks whether it is gone.
void NodePermits::onMissing(const PermitQuestion& question) {
  services_.nodeUsers.forEach([&](NodeUser& user) {
    if (user.name == question.user) user.settings.access.verdicts->refused = true;
  });
}

void NodePermits::tick() {
  services_.host.touch();
  std::vector<PermitQuestion*> waiting;
  waiting.swap(waiting_);
  for (PermitQuestion* question : waiting) {
    if (services_.host.now < question->deadline) {
      send(*question);
    } else if (question->dangerous) {
      settle(*question, "CLUSTERDOWN No node could be asked whether this user may run this command");
    } else {
      settle(*question, {});
    }
  }
}

}  // namespace slotless::session
