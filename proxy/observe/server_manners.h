// How the servers answer, where that differs by product and version, they do not tell it themselves, and the
// proxy answers in their place: as one plain server of the same kind would.
//
// Source: the servers of each version, asked (tests/integration/as_one_server.py). Unknown servers count as
// Redis 7.0.
#pragma once
#include "proxy/cluster/server_identity.h"

namespace slotless::session {

struct ServerManners {
  cluster::ServerIdentity server;
  // READONLY and READWRITE are answered OK by a server without cluster mode, too.
  bool takesReadOnly = false;
  // CLIENT KILL and CLIENT LIST: which options they take.
  bool killsByAge = false;
  bool listsByFilter = false;  // LIST takes KILL's, and all of them may be combined …
  bool filtersByAll = false;   // … with more of them, and the NOT- forms
  bool namesPrimaries = false;
  // CLIENT LIST: fields.
  bool showsWatches = false;
  bool showsThread = false;
  bool showsTraffic = false;
  bool showsCapabilities = false;
  // The error for a command that a transaction cannot have says which.
  bool namesForbiddenCommand = false;
  bool saysNoScriptOnly = false;   // NOSCRIPT without advice
  bool hasLuaServer = false;       // scripts may call `redis` `server`
  bool spoiledByCrossing = false;  // by a script whose call is about keys of several slots (ScriptDialect)
  bool datesAclLog = false;        // its entries have numbers and times
  bool limitsWaits = false;        // a time-out may not end beyond all numbers
  bool namesHelloVersion = false;  // in the error for HELLO before the login
};

ServerManners mannersOf(cluster::ServerIdentity server);

}  // namespace slotless::session
