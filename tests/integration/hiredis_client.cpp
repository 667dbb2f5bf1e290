// A client as applications in C write it, by hiredis: synchronous, and asynchronous on libuv.
//
// hiredis_client HOST PORT PREFIX, password in REDIS_PASSWORD. Exit code 0: all replies were right; 1: the
// first wrong one is named on stderr. Keys begin with PREFIX.
#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Endpoint {
  std::string host;
  int port;
  std::string password;
  std::string prefix;
};

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

std::string textOf(const redisReply* reply) {
  return {reply->str, static_cast<std::size_t>(reply->len)};
}

void require(bool right, const std::string& what) {
  if (!right) throw std::runtime_error(what);
}

void requireText(const redisReply* reply, int type, const std::string& text, const std::string& what) {
  require(reply != nullptr, what + ": no reply");
  const bool right = reply->type == type && textOf(reply) == text;
  require(right, what + ": wrong reply of type " + std::to_string(reply->type));
}

class SyncClient {
 public:
  explicit SyncClient(const Endpoint& endpoint)
      : context_(redisConnectWithTimeout(endpoint.host.c_str(), endpoint.port, timeval{10, 0}), redisFree) {
    require(context_ && context_->err == 0, "connecting failed");
    require(redisSetTimeout(context_.get(), timeval{30, 0}) == REDIS_OK, "setting the timeout failed");
    requireText(run({"AUTH", endpoint.password}).get(), REDIS_REPLY_STATUS, "OK", "AUTH");
  }

  Reply run(const std::vector<std::string>& arguments) {
    append(arguments);
    return next();
  }
  void append(const std::vector<std::string>& arguments) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string& argument : arguments) {
      texts.push_back(argument.data());
      lengths.push_back(argument.size());
    }
    const int count = static_cast<int>(arguments.size());
    require(redisAppendCommandArgv(context_.get(), count, texts.data(), lengths.data()) == REDIS_OK,
            "out of memory");
  }
  Reply next() {
    void* reply = nullptr;
    require(redisGetReply(context_.get(), &reply) == REDIS_OK,
            std::string("connection lost: ") + context_->errstr);
    return Reply(static_cast<redisReply*>(reply));
  }

 private:
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

void checkSync(const Endpoint& endpoint) {
  SyncClient client(endpoint);
  const std::string binary("a\r\nb\0c", 6);
  const std::string key = endpoint.prefix + "sync";
  requireText(client.run({"SET", key, binary}).get(), REDIS_REPLY_STATUS, "OK", "SET");
  requireText(client.run({"GET", key}).get(), REDIS_REPLY_STRING, binary, "GET");
  require(client.run({"GET", key + ":none"})->type == REDIS_REPLY_NIL, "GET of a missing key is not nil");
  require(client.run({"INCR", key})->type == REDIS_REPLY_ERROR, "INCR of a text is no error");
  require(client.run({"STRLEN", key})->integer == 6, "STRLEN is wrong");

  const std::string large(1U << 20U, 'x');
  requireText(client.run({"SET", key, large}).get(), REDIS_REPLY_STATUS, "OK", "SET of 1 MiB");
  requireText(client.run({"GET", key}).get(), REDIS_REPLY_STRING, large, "GET of 1 MiB");

  const Reply values = client.run({"MGET", key, endpoint.prefix + "none", key});
  require(values->type == REDIS_REPLY_ARRAY && values->elements == 3, "MGET gives no array of three");
  requireText(values->element[2], REDIS_REPLY_STRING, large, "MGET");
  require(values->element[1]->type == REDIS_REPLY_NIL, "MGET of a missing key is not nil");
}

void checkSyncPipeline(const Endpoint& endpoint) {
  constexpr int kDepth = 10000;
  SyncClient client(endpoint);
  for (int i = 0; i < kDepth; ++i) {
    const std::string key = endpoint.prefix + "pipeline:" + std::to_string(i);
    client.append({"SET", key, std::to_string(i)});
    client.append({"GET", key});
  }
  for (int i = 0; i < kDepth; ++i) {
    requireText(client.next().get(), REDIS_REPLY_STATUS, "OK", "pipelined SET " + std::to_string(i));
    requireText(client.next().get(), REDIS_REPLY_STRING, std::to_string(i),
                "pipelined GET " + std::to_string(i));
  }
}

// One asynchronous connection: writes and reads `kRounds` values, each round started by the reply of the one
// before, `kDepth` keys at a time; then disconnects. hiredis frees the context after the disconnect callback.
class AsyncClient {
 public:
  AsyncClient(const Endpoint& endpoint, uv_loop_t& loop, int number)
      : prefix_(endpoint.prefix + "async:" + std::to_string(number) + ":"),
        context_(redisAsyncConnect(endpoint.host.c_str(), endpoint.port)) {
    require(context_ != nullptr && context_->err == 0, "connecting failed");
    context_->data = this;
    require(redisLibuvAttach(context_, &loop) == REDIS_OK, "attaching to the loop failed");
    require(redisAsyncSetDisconnectCallback(context_, onDisconnect) == REDIS_OK,
            "setting the callback failed");
    send(onAuth, {"AUTH", endpoint.password});
  }

  bool finished() const { return finished_; }
  const std::string& failure() const { return failure_; }

 private:
  static constexpr int kRounds = 50;
  static constexpr int kDepth = 20;

  void send(redisCallbackFn* callback, const std::vector<std::string>& arguments) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string& argument : arguments) {
      texts.push_back(argument.data());
      lengths.push_back(argument.size());
    }
    redisAsyncCommandArgv(context_, callback, this, static_cast<int>(arguments.size()), texts.data(),
                          lengths.data());
  }

  void startRound() {
    for (int i = 0; i < kDepth; ++i) {
      const std::string key = prefix_ + std::to_string(i);
      const std::string value = std::to_string(round_) + "/" + std::to_string(i);
      send(onSet, {"SET", key, value});
      send(onGet, {"GET", key});
      expected_.push_back(value);
    }
  }

  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = prefix_ + ": " + what;
  }

  // Without a reply the connection is already on its way down.
  void giveUp(const std::string& what, const redisReply* answer) {
    fail(what);
    if (answer != nullptr) redisAsyncDisconnect(context_);
  }

  static void onAuth(redisAsyncContext* /*context*/, void* reply, void* self) {
    auto* client = static_cast<AsyncClient*>(self);
    const auto* answer = static_cast<redisReply*>(reply);
    if (answer == nullptr || answer->type != REDIS_REPLY_STATUS) {
      client->giveUp("AUTH failed", answer);
      return;
    }
    client->startRound();
  }
  static void onSet(redisAsyncContext* /*context*/, void* reply, void* self) {
    const auto* answer = static_cast<redisReply*>(reply);
    if (answer == nullptr || answer->type != REDIS_REPLY_STATUS)
      static_cast<AsyncClient*>(self)->fail("SET failed");
  }
  static void onGet(redisAsyncContext* context, void* reply, void* self) {
    auto* client = static_cast<AsyncClient*>(self);
    const auto* answer = static_cast<redisReply*>(reply);
    const std::string expected = client->expected_.front();
    client->expected_.pop_front();
    if (answer == nullptr || answer->type != REDIS_REPLY_STRING || textOf(answer) != expected) {
      client->giveUp("GET gave something else than " + expected, answer);
      return;
    }
    if (!client->expected_.empty()) return;
    if (++client->round_ < kRounds) {
      client->startRound();
    } else {
      client->finished_ = true;
      redisAsyncDisconnect(context);
    }
  }
  static void onDisconnect(const redisAsyncContext* context, int status) {
    auto* client = static_cast<AsyncClient*>(context->data);
    if (status != REDIS_OK) client->fail(std::string("connection lost: ") + context->errstr);
  }

  std::string prefix_;
  std::string failure_;
  std::deque<std::string> expected_;
  int round_ = 0;
  bool finished_ = false;
  redisAsyncContext* context_;
};

void checkAsync(const Endpoint& endpoint) {
  constexpr int kClients = 10;
  uv_loop_t loop;
  require(uv_loop_init(&loop) == 0, "no loop");
  std::vector<std::unique_ptr<AsyncClient>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<AsyncClient>(endpoint, loop, i));
  uv_run(&loop, UV_RUN_DEFAULT);
  for (const auto& client : clients) {
    require(client->failure().empty(), client->failure());
    require(client->finished(), "a client did not come to its end");
  }
  require(uv_loop_close(&loop) == 0, "the loop still has handles");
}

}  // namespace

int main(int argc, char** argv) {
  const char* password = std::getenv("REDIS_PASSWORD");
  if (argc != 4 || password == nullptr) {
    std::fputs("usage: REDIS_PASSWORD=… hiredis_client HOST PORT PREFIX\n", stderr);
    return 2;
  }
  try {
    const Endpoint endpoint{argv[1], std::stoi(argv[2]), password, argv[3]};
    checkSync(endpoint);
    checkSyncPipeline(endpoint);
    checkAsync(endpoint);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::puts("all replies were right");
  return 0;
}
