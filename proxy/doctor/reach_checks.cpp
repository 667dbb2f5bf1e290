// Can the nodes be reached and spoken with, from here and from each other?
#include <algorithm>

#include "proxy/doctor/checks.h"

namespace slotless::doctor {

namespace {

bool ownsSlots(const Facts& facts, const Node& node) {
  const Peer* peer = node.self() != nullptr ? node.self() : facts.find(node.id);
  return peer != nullptr && !peer->slots.empty();
}

// The one has heard nothing of the other for a while, and has not drawn a conclusion yet.
bool waitsFor(const Node& node, const Peer& peer) {
  constexpr std::int64_t kUnheardMillis = 1000;
  const auto now = node.number(node.info, "server_time_usec");
  return now && peer.pingSentUnixMillis != 0 && *now / 1000 - peer.pingSentUnixMillis >= kUnheardMillis;
}

// Who of the nodes that answer finds the way to it, or does not.
struct SeenByOthers {
  std::size_t linked = 0;
  std::size_t asked = 0;
};

SeenByOthers seenByOthers(const Facts& facts, std::string_view id) {
  SeenByOthers seen;
  for (const Node& node : facts.nodes) {
    if (!node.good()) continue;
    for (const Peer& peer : node.peers) {
      if (peer.id != id || peer.myself) continue;
      ++seen.asked;
      seen.linked += peer.linkUp && !peer.failed && !peer.suspected && !waitsFor(node, peer) ? 1U : 0U;
    }
  }
  return seen;
}

bool unreached(Contact contact) noexcept {
  return contact == Contact::NoConnection || contact == Contact::NoAnswer;
}

// The others speak with it, so that it is only the address that is not good here. Where there is a
// connection, the address is good.
bool onlyFromHere(const Facts& facts, const Node& node) {
  const SeenByOthers seen = seenByOthers(facts, node.id);
  return node.contact == Contact::NoConnection && !node.seed && seen.asked > 0 && seen.linked == seen.asked;
}

std::string rule(const net::Address& announced, const net::Address& reachable) {
  return "Set address-map: --address-map " + announced.text() + "=" + reachable.text();
}

Sightings unknownNames(const Facts& facts) {
  Sightings found;
  for (const UnknownName& name : facts.unknownNames) {
    const std::string whose = name.seed ? "cluster-nodes names it" : "a node announces it";
    found.push_back({name.name, "the name does not resolve here (" + name.error + "); " + whose});
  }
  return found;
}

Sightings unreachable(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if ((!unreached(node.contact) && node.contact != Contact::Odd) || onlyFromHere(facts, node)) continue;
    const SeenByOthers seen = seenByOthers(facts, node.id);
    Sighting sighting{node.shown(), node.problem};
    if (node.contact == Contact::NoAnswer) {
      sighting.seen = "there is a connection, but no answer to use: " + node.problem;
      sighting.todo =
          "Look whether the process is stopped, hangs or is overloaded (its log, top), and whether it lets more "
          "clients in (maxclients, protected-mode).";
    }
    if (seen.asked > 0) {
      sighting.seen += "; " + std::to_string(seen.linked) + " of " + std::to_string(seen.asked) +
                       " other nodes are connected to it";
    }
    if (!ownsSlots(facts, node) && !node.id.empty()) sighting.severity = Severity::Warning;
    found.push_back(std::move(sighting));
  }
  return found;
}

// Somebody else's address of the same host is known from both sides: the way is likely to be the same.
std::string guessedRule(const Facts& facts, const net::Address& announced) {
  for (const Node& node : facts.nodes) {
    if (node.good() && node.seed && node.announced != node.dialled && node.announced.host == announced.host)
      return rule(announced, {node.dialled.host, announced.port}) + " (guessed by " + node.announced.text() +
             ", which is " + node.dialled.text() + " here)";
  }
  return "Find out under which address this machine reaches it, and set --address-map " + announced.text() +
         "=HOST:PORT; or set cluster-announce-ip and cluster-announce-port of the node to what all can reach.";
}

Sightings announcedElsewhere(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (node.good() && node.announcedContact && *node.announcedContact != Contact::Good) {
      found.push_back({node.announced.text(),
                       "node " + node.id + " answers as " + node.dialled.text() + ", and announces " +
                           node.announced.text() + ", which cannot be reached from here",
                       {},
                       rule(node.announced, node.dialled)});
    } else if (onlyFromHere(facts, node)) {
      found.push_back(
          {node.announced.text(),
           "it cannot be reached from here (" + node.problem + "), while all nodes are connected to it",
           {},
           guessedRule(facts, node.announced)});
    }
  }
  return found;
}

std::string othersTakeIt(const Facts& facts) {
  const auto good =
      std::count_if(facts.nodes.begin(), facts.nodes.end(), [](const Node& node) { return node.good(); });
  if (good == 0) return "";
  return "; " + std::to_string(good) + (good == 1 ? " other node takes it" : " other nodes take it") +
         ": the nodes differ";
}

std::string othersDoWithout(const Facts& facts) {
  return facts.answered() == 0 ? "" : "; others answer without: the nodes differ";
}

Sightings logins(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (node.contact == Contact::LoginRefused) {
      found.push_back({node.shown(), "the login is refused: " + node.problem + othersTakeIt(facts)});
    } else if (node.contact == Contact::LoginMissing) {
      found.push_back({node.shown(), "it wants a login, and no password is set here" + othersTakeIt(facts)});
    } else if (node.contact == Contact::LoginUnwanted) {
      found.push_back(
          {node.shown(),
           "it has no password, while one is set here" + othersTakeIt(facts),
           {},
           "Set requirepass (and masterauth) of the node; or, if none is meant to have one, no password here."});
    }
  }
  return found;
}

Sightings tls(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (node.contact == Contact::NoTls)
      found.push_back({node.shown(), "no TLS: " + node.problem + othersTakeIt(facts)});
    if (node.contact == Contact::WantsTls)
      found.push_back({node.shown(),
                       node.problem + ", and cluster-tls is no here" + othersDoWithout(facts),
                       {},
                       "Set cluster-tls yes (and cluster-tls-ca-cert-file), or name the node's port for "
                       "connections without TLS."});
  }
  return found;
}

Sightings busy(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (node.contact == Contact::Busy) {
      found.push_back({node.shown(),
                       "a script or function runs for too long: " + node.problem,
                       {},
                       "SCRIPT KILL (or FUNCTION KILL) on the node ends it, if it has written nothing."});
    } else if (node.contact == Contact::Loading) {
      found.push_back({node.shown(), "it reads its data after a start: " + node.problem});
    }
  }
  return found;
}

// A proxy among the nodes.
bool isSlotless(const Node& node) {
  return node.text(node.info, "executable").ends_with("/slotless");
}

Sightings noCluster(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (node.contact != Contact::NoCluster) continue;
    if (isSlotless(node)) {
      found.push_back({node.shown(),
                       "it is a Slotless itself, and no node",
                       {},
                       "Name nodes of the cluster in cluster-nodes."});
    } else {
      found.push_back({node.shown(), "it is a server without cluster mode: " + node.problem});
    }
  }
  return found;
}

Sightings notNodes(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (node.contact == Contact::NoServer) {
      found.push_back({node.shown(), node.problem});
    } else if (node.contact == Contact::Sentinel) {
      const std::string name = node.watched.empty() ? "NAME" : node.watched.front().name;
      found.push_back(
          {node.shown(),
           node.problem + ": servers that are in no cluster",
           {},
           "For what it looks after: --upstream single --server " + node.shown() + " --sentinel-name " +
               name + "; for a cluster name nodes of it in cluster-nodes, by the port that clients use."});
    }
  }
  return found;
}

bool allLinked(const Facts& facts, const Node& node) {
  const SeenByOthers seen = seenByOthers(facts, node.id);
  return seen.asked > 0 && seen.linked == seen.asked;
}

Sightings busPorts(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good() || node.bus != Port::Closed) continue;
    const bool fine = allLinked(facts, node);
    const net::Address bus{node.dialled.host, node.busPort};
    found.push_back(
        {bus.text(),
         std::string("its bus port cannot be reached from here") +
             (fine ? "; the nodes reach it, and the proxy does not need it" : ", and not all nodes reach it"),
         fine ? Severity::Note : Severity::Warning});
  }
  return found;
}

Sightings busLinks(const Facts& facts) {
  Sightings found;
  for (const Node& node : facts.nodes) {
    if (!node.good()) continue;
    std::string others;
    for (const Peer& peer : node.peers) {
      if (peer.myself || peer.linkUp) continue;
      others += (others.empty() ? "" : ", ") + facts.name(peer.id);
    }
    if (!others.empty())
      found.push_back({node.shown(), "it has no connection of the cluster bus to " + others});
  }
  return found;
}

constexpr Check kReachChecks[] = {
    {"name", Severity::Warning, unknownNames, "Whoever is known by that name only cannot be reached.",
     "Correct the name in cluster-nodes, or cluster-announce-hostname of the node, or this machine's resolver."},
    {"unreachable", Severity::Critical, unreachable,
     "Requests for its slots wait for hold-timeout and then fail with CLUSTERDOWN.",
     "Look whether the server runs (and its log), whether it binds this address (bind, protected-mode), and "
     "whether a firewall or security group lets this machine in."},
    {"address-map", Severity::Critical, announcedElsewhere,
     "The proxy goes where the cluster says: nodes in containers or behind NAT announce addresses that are "
     "good elsewhere only.",
     ""},
    {"login", Severity::Critical, logins, "The proxy uses the same login for all nodes.",
     "Give all nodes the same requirepass and masterauth (or the same ACL user), and set password here."},
    {"tls", Severity::Critical, tls,
     "With cluster-tls every node has to speak TLS, with a certificate that can be verified.",
     "Give the node tls-port, tls-cluster and a certificate for the name by which it is known, signed by "
     "cluster-tls-ca-cert-file; or see cluster-tls-verify and cluster-tls-server-name."},
    {"busy", Severity::Critical, busy, "It answers nobody else meanwhile.",
     "Wait until it has read them; INFO persistence tells how far it is."},
    {"no-cluster", Severity::Critical, noCluster, "It has no slots to serve.",
     "Start it with cluster-enabled yes, or take it out of cluster-nodes."},
    {"not-a-node", Severity::Critical, notNodes, "What is no node tells of no slots, and serves none.",
     "Correct cluster-nodes: it names hosts and ports of Redis or Valkey servers in cluster mode."},
    {"bus-port", Severity::Warning, busPorts,
     "Nodes talk to each other on the bus port (mostly the port + 10000): a node that others do not hear "
     "counts as failed.",
     "Open the port between all nodes, and look at cluster-announce-bus-port."},
    {"bus-link", Severity::Warning, busLinks,
     "Nodes that do not hear each other vote others out, and failovers fail.",
     "Open the bus ports between all nodes in both directions, and look at cluster-announce-ip and "
     "cluster-announce-bus-port of the node at the other end."},
};

}  // namespace

std::span<const Check> reachChecks() {
  return kReachChecks;
}

}  // namespace slotless::doctor
