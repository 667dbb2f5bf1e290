// A module for redis-server with commands that no proxy can know: keys by position, and keys that only the
// module finds.
//
// The few functions of the module API that it needs are declared here, as the API's reference describes them;
// the server gives their addresses at load time. Source: redis.io/docs/reference/modules/modules-api-ref.
#include <cstddef>
#include <cstring>

namespace {

struct Context;  // begins with the function that gives the others' addresses
struct String;
struct CallReply;

using Handler = int (*)(Context*, String**, int);
using GetApi = int (*)(const char* name, void* pointer);

constexpr int kOk = 0;
constexpr int kError = 1;
constexpr int kApiVersion = 1;

void (*setModuleAttribs)(Context*, const char* name, int version, int apiVersion);
int (*createCommand)(Context*, const char* name, Handler, const char* flags, int first, int last, int step);
int (*isKeysPositionRequest)(Context*);
void (*keyAtPos)(Context*, int position);
const char* (*stringPtrLen)(const String*, std::size_t*);
int (*replyWithCallReply)(Context*, CallReply*);
CallReply* (*call)(Context*, const char* command, const char* format, ...);
void (*freeCallReply)(CallReply*);
int (*wrongArity)(Context*);
int (*replyWithLongLong)(Context*, long long);
int (*replyWithError)(Context*, const char*);

int forward(Context* context, CallReply* reply) {
  if (reply == nullptr) return replyWithError(context, "ERR the inner call is impossible here");
  replyWithCallReply(context, reply);
  freeCallReply(reply);
  return kOk;
}

// ODD.SET key value
int set(Context* context, String** argv, int argc) {
  if (argc != 3) return wrongArity(context);
  return forward(context, call(context, "SET", "!ss", argv[1], argv[2]));
}

// ODD.LAST word ... key: reads the key, which is the last argument.
int last(Context* context, String** argv, int argc) {
  if (isKeysPositionRequest(context) != 0) {
    if (argc > 1) keyAtPos(context, argc - 1);
    return kOk;
  }
  if (argc < 2) return wrongArity(context);
  return forward(context, call(context, "GET", "s", argv[argc - 1]));
}

// ODD.MARKED word ...: how many words are keys, which are those that begin with "key:".
int marked(Context* context, String** argv, int argc) {
  const bool asked = isKeysPositionRequest(context) != 0;
  long long count = 0;
  for (int i = 1; i < argc; ++i) {
    std::size_t size = 0;
    const char* text = stringPtrLen(argv[i], &size);
    if (size <= 4 || std::memcmp(text, "key:", 4) != 0) continue;
    ++count;
    if (asked) keyAtPos(context, i);
  }
  return asked ? kOk : replyWithLongLong(context, count);
}

}  // namespace

extern "C" int RedisModule_OnLoad(Context* context, String**, int) {
  GetApi getApi = nullptr;
  std::memcpy(&getApi, context, sizeof getApi);
  bool found = true;
  const auto bind = [&](const char* name, auto& function) {
    found = getApi(name, static_cast<void*>(&function)) == kOk && found;
  };
  bind("RedisModule_SetModuleAttribs", setModuleAttribs);
  bind("RedisModule_CreateCommand", createCommand);
  bind("RedisModule_IsKeysPositionRequest", isKeysPositionRequest);
  bind("RedisModule_KeyAtPos", keyAtPos);
  bind("RedisModule_StringPtrLen", stringPtrLen);
  bind("RedisModule_ReplyWithCallReply", replyWithCallReply);
  bind("RedisModule_Call", call);
  bind("RedisModule_FreeCallReply", freeCallReply);
  bind("RedisModule_WrongArity", wrongArity);
  bind("RedisModule_ReplyWithLongLong", replyWithLongLong);
  bind("RedisModule_ReplyWithError", replyWithError);
  if (!found) return kError;
  setModuleAttribs(context, "odd", 1, kApiVersion);
  const bool created = createCommand(context, "odd.set", set, "write", 1, 1, 1) == kOk &&
                       createCommand(context, "odd.last", last, "readonly getkeys-api", 0, 0, 0) == kOk &&
                       createCommand(context, "odd.marked", marked, "readonly getkeys-api", 1, 1, 1) == kOk;
  return created ? kOk : kError;
}
