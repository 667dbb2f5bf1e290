// Upstream migrating: which side is in force, and how the process goes over from one to the other.
#include <unistd.h>

#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include "config/upstream.h"
#include "proxy/discovery/server_build.h"
#include "proxy/server/place.h"
#include "proxy/server/server.h"
#include "proxy/session/pause_gate.h"
#include "proxy/telemetry/log.h"
#include "proxy/upstream/outside_cluster.h"

namespace slotless::server {

namespace {

// The parts of all workers, on the control thread.
struct Count {
  session::CalledBack sum;
  std::size_t missing = 0;
};

std::string newProcessName() {
  std::random_device random;
  return std::to_string(getpid()) + "-" + std::to_string(random()) + std::to_string(random());
}

}  // namespace

config::Config Server::onThisSide(config::Config config) const {
  if (config.upstream != config::Upstream::Migrating) return config;
  config.side = config_->side;
  return config::forSide(std::move(config), config_->side.value_or(config::Upstream::Single));
}

net::TlsSourcePtr Server::tlsForNodes() const {
  return config()->clusterTls ? certificates_.forNodes() : nullptr;
}

// Which side is served main() has asked before.
void Server::startCutOver() {
  if (loaded_.upstream != config::Upstream::Migrating) return;
  CutOver::Hooks hooks;
  hooks.objection = [this] {
    return standby_ == nullptr ? "it has only just started" : standby_->objection();
  };
  hooks.shutGates = [this](bool shut) {
    tellWorkers([shut](session::Services& services, std::size_t) {
      services.host.touch();
      services.gate.shut(shut);
    });
  };
  hooks.look = [this](std::function<void(session::CalledBack)> done) {
    auto count = std::make_shared<Count>();
    count->missing = tellWorkers([this, count, done](session::Services& services, std::size_t) {
      loop_.post([count, done, found = session::callBack(services)] {
        count->sum.underWay += found.underWay;
        count->sum.blocked += found.blocked;
        count->sum.isDenied |= found.isDenied;
        if (--count->missing == 0) done(count->sum);
      });
    });
  };
  hooks.move = [this](std::function<void()> done) { goOver(std::move(done)); };
  using Told = CutOver::Hooks::Told;
  const auto askBeside = [this](std::function<std::optional<std::string>()> ask, Told told) {
    auto side = std::make_shared<std::optional<std::string>>();
    aside([side, ask = std::move(ask)] { *side = ask(); }, loop_,
          [side, told = std::move(told)] { told(*side); });
  };
  hooks.settle = [this, askBeside](std::string from, std::string to, Told told) {
    askBeside([this, from = std::move(from), to = std::move(to)] { return sideRecord_.change(from, to); },
              std::move(told));
  };
  const std::string process = newProcessName();
  hooks.announce = [this, askBeside, process, where = placeOf(*config_)](Told told) {
    askBeside([this, process, where] { return sideRecord_.announce(process, where); }, std::move(told));
  };
  const bool onCluster = config_->side == config::Upstream::Cluster;
  cutOver_ = std::make_unique<CutOver>(loop_, std::move(hooks), process, onCluster);
  makeStandby();
  sideRecord_.configured(loaded_);
}

config::Upstream Server::otherSide() const {
  return config_->side == config::Upstream::Cluster ? config::Upstream::Single : config::Upstream::Cluster;
}

void Server::makeStandby() {
  const config::Config target = config::forSide(loaded_, otherSide());
  auto refresh = refreshSettings(target);
  discovery::LearnSettings learn = learnSettings();
  refresh.access.username = target.username;
  refresh.access.password = target.password;
  refresh.access.tls = target.clusterTls ? certificates_.forNodes() : nullptr;
  learn.access = refresh.access;
  cluster_.loop().post([this, refresh, learn, oneServer = config::servesOneServer(target)] {
    auto made = std::make_unique<Standby>(cluster_.loop(), refresh, learn, oneServer);
    loop_.post([this, standby = std::make_shared<std::unique_ptr<Standby>>(std::move(made))] {
      standby_ = std::move(*standby);
    });
  });
}

void Server::cutOver(const session::CutOverStep& step, net::Loop& loop, session::CutOverDone done) {
  const auto reply = [&loop, done = std::move(done)](std::string text) {
    loop.post([done, text = std::move(text)] { done(text); });
  };
  loop_.post([this, step, reply] {
    if (cutOver_ == nullptr || stopping_.load())
      return reply("-ERR upstream is not migrating, or the proxy is about to end\r\n");
    cutOver_->take(step, reply);
  });
}

// Nothing is under way, and all clients wait. First nobody may tell the workers of the server any more.
void Server::goOver(std::function<void()> done) {
  cluster_.loop().post([this, done = std::move(done)] {
    refresher_.reset();
    loop_.post([this, done] { moveWorkers(done); });
  });
}

// From here on everything is the other side's.
void Server::moveWorkers(const std::function<void()>& done) {
  const Standby::Known known = standby_->known();
  {
    const std::lock_guard guard(sharedMutex_);
    config_ = std::make_shared<const config::Config>(config::forSide(loaded_, otherSide()));
    databases_ = std::make_shared<const databases::Databases>(*config_);
  }
  const bool toServer = config::servesOneServer(*config_);
  upstream::setOutsideCluster(toServer);
  watchPasswordFiles();
  credentials_->setSettings(sourceSettings());
  worker::Worker::Place place;
  place.config = config_;
  place.access = access();
  auto topology = std::make_shared<cluster::Topology>(*known.topology);
  topology->version = ++topologyVersion_;
  place.topology = topology;
  place.commands = known.commands;
  place.servers = discovery::identityOf(known.builds);
  auto missing = std::make_shared<std::size_t>(workers_.size());
  for (const auto& worker : workers_) {
    worker->post([this, place, missing, done](worker::Worker& each) {
      each.relocate(place);
      loop_.post([missing, done] {
        if (--*missing == 0) done();
      });
    });
  }
  chronicle_.note("cut-over", observe::Weight::Note,
                  toServer ? "The server is in force again" : "The cluster has taken the server's place");
  discoverAnew();
}

// The side that was served is from now on the one that could be gone back to.
void Server::discoverAnew() {
  auto standby = std::make_shared<std::unique_ptr<Standby>>(std::move(standby_));
  cluster_.loop().post([this, standby, refresh = refreshSettings(*config_), learn = learnSettings(),
                        carry = carrierSettings(), survey = surveySettings()] {
    standby->reset();
    learner_->setSettings(learn);
    carrier_->setSettings(carry);
    if (survey_ != nullptr) survey_->setSettings(survey);
    startCounter();
    startRefresher(refresh);
  });
  makeStandby();
}

}  // namespace slotless::server
