// Where there is one server (upstream single, or migrating before the cut-over): is it there, and can it be
// spoken with?
#include <algorithm>
#include <iterator>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

struct Cure {
  Contact contact;
  std::string_view seen;  // in front of what the attempt said
  std::string_view todo;
};
constexpr Cure kCures[] = {
    {Contact::NoSuchName, "the name does not resolve here: ", "Correct server, or this machine's resolver."},
    {Contact::NoConnection, "",
     "Look whether the server runs (and its log), whether it binds this address (bind, protected-mode), and "
     "whether a firewall or security group lets this machine in."},
    {Contact::NoAnswer, "there is a connection, but no answer to use: ",
     "Look whether the process is stopped, hangs or is overloaded (its log, top), and whether it lets more clients in (maxclients, protected-mode)."},
    {Contact::NoTls, "no TLS: ",
     "Give the server tls-port and a certificate that can be verified (see cluster-tls-*), or set server-tls no."},
    {Contact::WantsTls, "", "Set server-tls yes, or give the server's port for connections without TLS."},
    {Contact::LoginRefused,
     "the login is refused: ", "Set server-username and server-password to what the server takes."},
    {Contact::LoginMissing, "it wants a login, and no password is set here", "Set server-password."},
    {Contact::LoginUnwanted, "it has no password, while one is set here",
     "Set requirepass of the server; or, if none is meant to have one, no password here."},
    {Contact::Busy, "a script or function runs for too long: ",
     "SCRIPT KILL (or FUNCTION KILL) on the server ends it, if it has written nothing."},
    {Contact::Loading, "it reads its data after a start: ",
     "Wait until it has read them; INFO persistence tells how far it is."},
    {Contact::OfCluster, "", "Set upstream cluster, and name it in cluster-nodes; or name another server."},
    {Contact::NoServer, "", "Correct server: it names the host and port of a Redis or Valkey server."},
    {Contact::Odd, "", "Look at the server's log."},
};

const Cure& cureOf(Contact contact) {
  const auto* const found = std::find_if(std::begin(kCures), std::end(kCures),
                                         [&](const Cure& cure) { return cure.contact == contact; });
  return found == std::end(kCures) ? *std::prev(std::end(kCures)) : *found;
}

// What to say instead of a sentinel's address.
std::string insteadOf(const Node& sentinel) {
  const std::string name = sentinel.watched.empty() ? "NAME" : sentinel.watched.front().name;
  return "Set sentinel-name " + name + ", so that " + sentinel.shown() +
         " is asked where its master is; or name the master itself in server.";
}

bool isGoodMaster(const Node& node) {
  // Who may not tell its role is believed to be one.
  return node.good() && node.text(node.info, "role") != "slave";
}

Sightings servers(const Facts& facts) {
  Sightings found;
  const bool served = std::any_of(facts.nodes.begin(), facts.nodes.end(), isGoodMaster);
  std::string replicas;
  for (const Node& node : facts.nodes) {
    if (node.good()) {
      replicas += (replicas.empty() ? "" : ", ") + node.shown();
      continue;
    }
    const Cure& cure = cureOf(node.contact);
    const bool tells = node.contact != Contact::LoginMissing && node.contact != Contact::LoginUnwanted;
    found.push_back({node.shown(), std::string(cure.seen) + (tells ? node.problem : ""),
                     served ? Severity::Warning : Severity::Critical,
                     node.contact == Contact::Sentinel ? insteadOf(node) : std::string(cure.todo)});
  }
  // Who fails may be their master.
  if (!served && !replicas.empty() && found.empty()) {
    found.push_back({replicas,
                     "a replica, and no master is known: none of the servers takes writes",
                     {},
                     "Promote one of them (REPLICAOF NO ONE), or name the master in server."});
  }
  return found;
}

Sightings sentinels(const Facts& facts) {
  Sightings found;
  const bool told = std::any_of(facts.sentinels.begin(), facts.sentinels.end(),
                                [](const Node& sentinel) { return sentinel.good(); });
  std::string names;
  std::string problems;
  for (const Node& sentinel : facts.sentinels) {
    if (sentinel.good()) continue;
    if (told) found.push_back({sentinel.shown(), sentinel.problem, Severity::Warning});
    names += (names.empty() ? "" : ", ") + sentinel.shown();
    problems += (problems.empty() ? "" : "; ") + sentinel.shown() + ": " + sentinel.problem;
  }
  if (!told && !names.empty())
    found.push_back({names, "no sentinel tells where " + facts.config.sentinelName + " is: " + problems});
  return found;
}

constexpr Check kServerChecks[] = {
    {"server", Severity::Critical, servers,
     "All requests go to the one server: they wait for hold-timeout and fail then.", ""},
    {"sentinels", Severity::Critical, sentinels,
     "They tell which server is the master, and the proxy knows it from nobody else.",
     "Look whether the sentinels run, and correct server (their addresses) and sentinel-name; without sentinels "
     "server names the server itself, and sentinel-name is not set."},
};

}  // namespace

std::span<const Check> serverChecks() {
  return kServerChecks;
}

}  // namespace slotless::doctor
