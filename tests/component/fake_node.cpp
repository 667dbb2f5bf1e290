#include "fake_node.h"

#include <cctype>

#include "catch.h"
#include "stage.h"

namespace slotless::test {

namespace {
std::string at(const Where& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}
// Of the subcommands of CLIENT, which are sent on behalf of clients.
bool isForClient(std::string_view subcommand) {
  return subcommand == "UNBLOCK" || subcommand == "TRACKING" || subcommand == "CACHING";
}
}  // namespace

void Received::replies(std::string_view bytes) const {
  connection_->push(bytes);
  stage_->settle();
}

Received FakeNode::expectsAny(Where where) {
  stage_->settle();
  INFO("node " << address_.text() << " expects a request at " << at(where));
  REQUIRE_FALSE(requests_.empty());
  Received next = requests_.front();
  requests_.pop_front();
  return next;
}

std::optional<Received> FakeNode::next() {
  if (requests_.empty()) return std::nullopt;
  Received next = requests_.front();
  requests_.pop_front();
  return next;
}

Received FakeNode::expects(std::string_view text, Where where) {
  INFO("node " << address_.text() << " expects " << shown(text) << " at " << at(where));
  Received next = expectsAny(where);
  const std::string got = textOf(next.words());
  REQUIRE(shown(got) == shown(text));
  const bool same = got == text;
  REQUIRE(same);
  return next;
}

Received FakeNode::expectsAsking(std::string_view text, Where where) {
  const Received asking = expects("ASKING", where);
  const Received next = expects(text, where);
  asking.connection().push("+OK\r\n");
  return next;
}

void FakeNode::expectsNothing(Where where) {
  stage_->settle();
  INFO("node " << address_.text() << " expects nothing at " << at(where));
  if (!requests_.empty()) {
    CHECK(shown(textOf(requests_.front().words())) == "");
    requests_.clear();
  }
}

FakeConnection& FakeNode::connection() const {
  REQUIRE_FALSE(links_.empty());
  return *links_.back().connection;
}

bool FakeNode::connected() const {
  return !links_.empty() && !links_.back().connection->closed();
}

void FakeNode::pushes(std::string_view bytes) {
  connection().push(bytes);
  stage_->settle();
}

void FakeNode::resets() {
  connection().reset();
  stage_->settle();
}

void FakeNode::ends() {
  connection().end();
  stage_->settle();
}

void FakeNode::takesAll() {
  takesOnly(FakeConnection::kUnlimited);
  stage_->settle();
}

void FakeNode::onConnect(const std::shared_ptr<FakeConnection>& connection) {
  ++connects_;
  switch (connecting_) {
    case Connecting::Refuse: connection->refuse(); return;
    case Connecting::Ignore: return;
    case Connecting::Accept: break;
  }
  connection->accept();
  links_.push_back({connection, {}});
}

void FakeNode::losesFlow(const FakeConnection& connection) {
  for (Link& link : links_) link.dead = link.dead || link.connection.get() == &connection;
}

const std::string* FakeNode::answerTo(const Words& words) const {
  if (words.size() > 1) {
    if (isForClient(words[1])) return nullptr;
    const auto both = handshake_.find(words[0] + " " + words[1]);
    if (both != handshake_.end()) return &both->second;
  }
  const auto first = handshake_.find(words[0]);
  return first == handshake_.end() ? nullptr : &first->second;
}

void FakeNode::drops(const std::string& user) {
  passwords_.erase(user);
  for (Link& link : links_) {
    if (link.user == user && !link.connection->closed()) link.connection->end();
  }
  stage_->settle();
}

std::optional<std::string> FakeNode::answerAsServer(const Words& words, Link& link) const {
  if (words[0] == "AUTH") {
    const std::string name = words.size() == 2 ? "default" : words[1];
    const auto known = passwords_.find(name);
    if (known == passwords_.end() || (!known->second.empty() && known->second != words.back()))
      return "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    link.user = name;
    return "+OK\r\n";
  }
  const auto standard = passwords_.find("default");
  const bool isOpen = standard != passwords_.end() && standard->second.empty();
  if (link.user.empty() && !isOpen) return "-NOAUTH Authentication required.\r\n";
  if (words[0] != "ACL" || words.size() < 4 || words[1] != "DRYRUN") return std::nullopt;
  if (forbidden_.contains(link.user + " acl"))
    return "-NOPERM this user has no permissions to run the 'acl|dryrun' command\r\n";
  std::string command = words[3];
  for (char& c : command) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!forbidden_.contains(words[2] + " " + command)) return "+OK\r\n";
  return bulk("This user has no permissions to run the '" + command + "' command");
}

bool FakeNode::serve() {
  bool busy = false;
  for (Link& link : links_) {
    if (link.connection->written().empty()) continue;
    link.bytes += link.connection->takeWritten();
    busy = true;
    if (link.dead) continue;
    while (auto words = takeRequest(link.bytes)) {
      const auto asServer = passwords_.empty() ? std::nullopt : answerAsServer(*words, link);
      if (asServer) {
        handshakes_.push_back(textOf(*words));
        link.connection->push(*asServer);
        continue;
      }
      const std::string* answer = answerTo(*words);
      if (answer == nullptr) {
        requests_.emplace_back(*stage_, std::move(*words), link.connection,
                               link.user.empty() && !passwords_.empty() ? "default" : link.user);
        continue;
      }
      handshakes_.push_back(textOf(*words));
      link.connection->push(*answer);
    }
  }
  return busy;
}

}  // namespace slotless::test
