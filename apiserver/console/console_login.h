// Logging a browser in by a link (decision 0076) or by the key of a client certificate (0096),
// beside the console's files and like them no route that a role has to name: everybody may let a
// browser into his own name, and into no other. They wait their turn and are told of like other
// requests.
//
//   POST   /console/link       as oneself          -> {"code", "user", "expiresInSeconds"}
//   POST   /console/challenge                      -> {"challenge", "expiresInSeconds"}
//   POST   /console/login      {"code"}            -> {"token"}
//                              {"certificate", "challenge", "origin", "signature"} -> {"token"}
//   DELETE /console/login      by such a token     ends its session, at all servers
//
// `certificate` is PEM, with those between it and its authority; `signature` is base64url of that
// of SignedText(origin, challenge) (auth/key_proof.h).
#pragma once

#include <string>

#include "apiserver/auth/authentication.h"
#include "apiserver/auth/console_challenges.h"
#include "apiserver/auth/console_sessions.h"
#include "http/message.h"

namespace skiff {

// Whether it is one of those.
bool IsConsoleLogin(const http::Request& request);

// In the audit log, of a login by a key: whose it is. Until then it is anybody's.
inline constexpr char kConsoleUserAnnotation[] = "console.skiff.io/user";

struct ConsoleLogin {
  http::Response response;
  std::string proven;  // Who has shown the key of his certificate; "": nobody.
};
// Of a request that is one. It finds out itself who asks, by what came with the request. May have
// to look a token up, and writes to the store.
ConsoleLogin AnswerConsoleLogin(const http::Request& request, const Authentication& authentication,
                                ConsoleSessions& sessions, ConsoleChallenges& challenges);

}  // namespace skiff
