#include "apiserver/server/api_server.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "api/cel/limits.h"
#include "api/codec/json.h"
#include "apiserver/admission/had_room.h"
#include "apiserver/auth/token_protocol.h"
#include "apiserver/kinds/discovery_response.h"
#include "apiserver/objects/late_write.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/routes.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/request/wait_deadline.h"
#include "apiserver/request/warning_headers.h"
#include "apiserver/server/api_server_state.h"
#include "apiserver/server/non_resource.h"
#include "apiserver/server/promptness.h"
#include "apiserver/webhooks/detour.h"
#include "base/at_once.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kLog("apiserver");

// As long as kube-apiserver lets a write take.
constexpr std::chrono::seconds kRequestTimeMax{34};
// So often a definition may move on under a request of its kind.
constexpr int kKindTriesMax = 5;

}  // namespace

void ApiServer::State::AddHeaders(const http::Request& request,
                                  const std::vector<std::string>& warnings,
                                  http::Response& response, const ToldRequest* told) {
  const std::string_view audit_id = told != nullptr ? told->id() : request.Header("Audit-Id");
  const bool has_id = !audit_id.empty() && audit_id.size() <= kAuditIdBytesMax;
  response.SetHeader("Audit-Id", has_id ? std::string(audit_id) : random.Uid());
  if (!response.headers.contains("Cache-Control")) {
    response.SetHeader("Cache-Control", "no-cache, private");
  }
  for (const std::string& value : WarningHeaders(warnings)) response.SetHeader("Warning", value);
  browser_access.AddHeaders(request, response);
  const double chance = options.goaway_chance;
  if (chance > 0 && request.http2 && random.Fraction() < chance) {
    response.SetHeader("Connection", "close");
  }
}

namespace {

// HTTP/2 lets one connection ask for much at little cost: who does not say who he is has one
// request on it, as he would have on HTTP/1.1 without keep-alive.
void LimitStrangers(const http::Request& request, const User& user,
                    const Result<http::Response>& result, http::Response& response) {
  if (!request.http2) return;
  // Nobody's name: it was answered before it was looked at who asks.
  const bool anonymous =
      user.name.empty() || user.name == kUserAnonymous || user.InGroup(kGroupUnauthenticated);
  const bool refused = !result && result.error().reason == Reason::kUnauthorized;
  if (anonymous || refused) response.SetHeader("Connection", "close");
}

// Where too many wait for others already.
http::Response RefuseForNow(const http::Request& request) {
  return ErrorResponse(request, RefusedForNow());
}

http::Response InternalErrorPage(const http::Request& request, const std::string& error) {
  return TextResponse(
      500, EscapeMarkup("Internal Server Error: " + Quoted(request.target) + ": " + error) + "\n");
}

// Nobody can be asked whether this is allowed, so nobody is.
http::Response UnreadableResponse(const http::Request& request, const RequestInfo& info) {
  return InternalErrorPage(request, "failed to create RequestInfo: " + info.unreadable);
}

// Somebody was faster, or the object is not what it was: whoever serves the request anew finds out
// what to make of that.
bool IsRace(const Error& error) {
  return error.reason == Reason::kConflict || error.reason == Reason::kNotFound ||
         error.reason == Reason::kAlreadyExists;
}

}  // namespace

void ApiServer::State::AddEntrance() {
  const FlowControlOptions& given = options.flow_control;
  entrance = std::make_unique<flow_control::Entrance>(
      flow_control::Entrance::Options{.fair = given.on,
                                      .reading_max = given.reading_max,
                                      .writing_max = given.writing_max,
                                      .read_slots = given.read_slots,
                                      .patience = given.patience},
      flow_control::Entrance::Parts{
          .clock = clock,
          .metrics = metrics.registry(),
          .count_objects =
              [this](auto group, auto resource) {
                return flow_control::CountObjects(store, custom_kinds.Now("")->routes, group,
                                                  resource);
              },
          .finish_refusal =
              [this](const http::Request& request, http::Response& response) {
                AddHeaders(request, {}, response);
                CountRefused(request, response);
              }});
  flow_configuration = std::make_unique<flow_control::ConfigurationLoop>(store, *entrance);
}

ApiServer::Asked ApiServer::State::Ask(const http::Request& request, const User* trusted) {
  Asked asked{.info = ParseRequestInfo(request), .user = User{}, .warnings = {}};
  asked.in_process = trusted != nullptr;
  if (asked.info.unreadable.empty()) Authenticate(request, trusted, asked);
  // Who logs in is not known yet, and is let in as anybody is: a flood of guesses has to wait.
  if (!asked.user && IsConsoleLogin(request)) asked.user = AnonymousUser();
  return asked;
}

Result<http::Response> ApiServer::State::Serve(ApiRequest& request, Result<User> user) {
  // Expressions of rules and policies take long where somebody means them to.
  const cel::GiveUpScope scope([&] {
    return shutting_down || std::chrono::steady_clock::now() >= request.deadline;
  });
  const WaitDeadline deadline(EndOf(request));
  if (!request.info.unreadable.empty()) return UnreadableResponse(request.http, request.info);
  TRY(TakeTimeout(request, options.request_timeout));
  const bool is_known = user.has_value();
  if (is_known) request.user = *std::move(user);
  // Its turn may have come too late, whoever it is.
  TRY(CheckTime(request));
  if (!is_known) {
    const Reason why = user.error().reason;
    request.turned_away = why == Reason::kForbidden || why == Reason::kBadRequest;
    return Fail(std::move(user).error());
  }
  if (IsConsoleLogin(request.http)) {
    ConsoleLogin login =
        AnswerConsoleLogin(request.http, *authentication, *console_sessions, *console_challenges);
    if (request.told != nullptr && !login.proven.empty()) {
      request.told->annotations().emplace(kConsoleUserAnnotation, login.proven);
    }
    return std::move(login.response);
  }
  auto answer = Route(request);
  // An answer to a write tells that it is done, unless it is a refusal.
  const bool is_refusal = !answer || answer->status >= 400;
  if (!is_refusal && !request.info.IsReadOnly()) return answer;
  if (const Result<> in_time = CheckTime(request); !in_time) {
    request.refusal = nullptr;
    return Fail(in_time.error());
  }
  if (scope.crowded()) {
    request.refusal = nullptr;
    return Fail(RefusedForNow());
  }
  return answer;
}

Result<http::Response> ApiServer::State::Route(ApiRequest& request) {
  RouteMatch match;
  const RouteTable& routes = request.served->routes;
  if (request.info.is_resource) match = routes.Find(request.info, request.http.method);
  request.kind = match.kind;
  request.route = match.route;
  const Access access = AccessOf(request.info, match);
  const Duration begin = clock.Monotonic();
  const Verdict verdict = authorizers->Authorize(request.user, access);
  const Duration took = clock.Monotonic() - begin;
  if (IsVoid()) return Fail(WouldWait());
  TRY(HadRoom());  // What a webhook of it was not asked may have been forbidden.
  metrics.Authorized(verdict, took);
  const bool is_untold = !verdict.allowed() && !verdict.error.empty();
  if (request.told != nullptr) {
    auto& annotations = request.told->annotations();
    if (!is_untold) {
      annotations.emplace("authorization.k8s.io/decision", verdict.allowed() ? "allow" : "forbid");
    }
    annotations.emplace("authorization.k8s.io/reason",
                        is_untold ? "internal error" : verdict.reason);
  }
  if (is_untold) return InternalErrorPage(request.http, verdict.error);
  if (!verdict.allowed()) {
    request.turned_away = true;
    return Fail(ForbiddenAccess(request.user, access, verdict.reason));
  }
  if (const auto remote = RemoteFor(request, match)) {
    if (!MayWait()) return Fail(WouldWait());
    return aggregation->Forward(*remote, request);
  }
  if (match.route != nullptr) return skiff::Serve(*core, request);
  if (const Resident* resident = aggregation->ResidentAt(request.http.path)) {
    if (!MayWait()) return Fail(WouldWait());
    return resident->answer(request.http);
  }
  const std::string_view group = CustomKinds::GroupOf(request.http.path);
  const bool lacks_kinds = match.kind == nullptr && request.lacked_groups.contains(group);
  if (!group.empty() && lacks_kinds && !IsListOfVersions(request.http.path)) {
    return Fail(LacksKinds());
  }
  if (request.info.is_resource) return NoRouteResponse(match, request);
  return HandleNonResource({*core, ServerAddress(), *health, openapi, metrics.registry(),
                            *request.served, *aggregation, *entrance, discovery, checkpoint,
                            find_moment},
                           request);
}

std::string ApiServer::State::ServerAddress() const {
  const std::string& named = options.external_hostname;
  const std::string& host = named.empty() ? options.advertise_address : named;
  return host + ":" + std::to_string(options.secure_port);
}

http::Response ApiServer::Answer(const http::Request& request, Asked asked,
                                 const flow_control::Pass* pass) {
  return *TryAnswer(request, asked, pass);
}

// A request that is being served, until its answer is made.
struct ApiServer::Serving {
  Serving(State& state, const http::Request& given, Asked& asked)
      : state(state),
        // Nobody behind authentication is to see a token, a kubelet least of all.
        without_token(WithoutTokenProtocol(given)),
        http(given),
        kinds(std::move(asked.kinds)),
        request{.http = without_token ? *without_token : given,
                .info = std::move(asked.info),
                .user = {},
                .now = state.clock.Now(),
                .served = kinds,
                .warnings = std::move(asked.warnings),
                .own = asked.own,
                .in_process = asked.in_process,
                .deadline = std::chrono::steady_clock::now() + kRequestTimeMax,
                .initial_events = asked.initial_events,
                .told = asked.told.get()},
        told(std::move(asked.told)),
        warnings(request.warnings.size()),
        in_flight(state.metrics, request.info.IsReadOnly()),
        begin(state.clock.Monotonic()) {
    if (kinds) return;
    auto taken = state.custom_kinds.Take(CustomKinds::GroupOf(given.path));
    request.served = std::move(taken.served);
    request.lacked_groups = std::move(taken.lacked_groups);
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // What is known of it, for who serves it anew.
  Asked AskedAgain() {
    request.warnings.resize(warnings);
    if (told) told->BeginAgain();
    // Its route may have put the request's words right.
    return {.info = ParseRequestInfo(http),
            .user = std::move(request.user),
            .warnings = std::move(request.warnings),
            .own = request.own,
            .in_process = request.in_process,
            .initial_events = request.initial_events,
            .told = std::move(told),
            .audited = true,
            .kinds = kinds};
  }

  // Whether it came upon an object in a version that its kind does not know, since the definition
  // of that has moved on in the meantime. Nothing has been written then.
  bool IsOfBygoneKind(const Result<http::Response>& result) const {
    return !result && !kinds && crd::IsOfUnknownVersion(result.error()) &&
           state.custom_kinds.Now(CustomKinds::GroupOf(http.path)) != request.served;
  }

  State::Late counted;  // The last to go.
  State& state;
  const std::optional<http::Request> without_token;
  const http::Request& http;
  const std::shared_ptr<const Served> kinds;  // As in Asked.
  ApiRequest request;
  ToldRequestPtr told;
  const size_t warnings;  // So many there were at first.
  const ServerMetrics::InFlight in_flight;
  const Duration begin;
  flow_control::Pass pass;  // Where it is kept with it.
  LateWrite late;
};

std::optional<http::Response> ApiServer::TryAnswer(const http::Request& request, Asked& asked,
                                                   const flow_control::Pass* pass) {
  if (!state_->BeginAudit(request, asked)) return std::nullopt;
  for (int tries = 1;; ++tries) {
    Serving serving(*state_, request, asked);
    Result<http::Response> result = state_->Serve(serving.request, std::move(asked.user));
    const bool is_bygone = !IsVoid() && serving.IsOfBygoneKind(result);
    // To find that out may take waiting, too.
    if (!IsVoid() && (!is_bygone || tries == kKindTriesMax)) {
      return Finish(serving, std::move(result), pass);
    }
    asked = serving.AskedAgain();
    if (IsVoid()) return std::nullopt;
  }
}

http::Response ApiServer::Finish(Serving& serving, Result<http::Response> result,
                                 const flow_control::Pass* pass) {
  const http::Request& request = serving.http;
  ApiRequest& api_request = serving.request;
  const bool refused = !result && api_request.refusal.is_object();
  http::Response response = result    ? std::move(*result)
                            : refused ? RefusalResponse(request, api_request.refusal)
                                      : ErrorResponse(request, result.error());
  if (!result && api_request.turned_away) {
    response.SetHeader("X-Content-Type-Options", "nosniff");
  }
  if (!result && HttpCodeOf(result.error()) >= 500) {
    kLog.Debug(
        "request failed",
        {{"method", request.method}, {"path", request.path}, {"error", result.error().message}});
  }
  // Whoever hands over structs, a part of this process, reads no headers of what went well.
  if (serving.told || !request.handed || response.status >= 400) {
    state_->AddHeaders(request, api_request.warnings, response, serving.told.get());
  }
  if (serving.told) TellOf(serving, result, response);
  if (pass != nullptr) pass->Mark(response);
  state_->entrance->kinds().Follow(api_request.info, response);
  LimitStrangers(request, api_request.user, result, response);
  CompressIfAsked(request, response);
  const Duration now = state_->clock.Monotonic();
  const Duration begin = request.arrived > Duration::zero() ? request.arrived : serving.begin;
  state_->metrics.Answered(api_request, response,
                           {.since_arrival = std::max(now - begin, now - serving.begin),
                            .at_work = now - serving.begin});
  return response;
}

void ApiServer::TellOf(Serving& serving, const Result<http::Response>& result,
                       http::Response& response) {
  Json status;
  if (!result) {
    const Json& refusal = serving.request.refusal;
    status = refusal.is_object() ? refusal : StatusDocument(result.error());
  } else if (response.body.starts_with(R"({"kind":"Status")")) {
    status = ParseJson(response.body).value_or(Json());
  }
  if (!result && result.error().reason == Reason::kUnauthorized) {
    return serving.told->FinishUnauthenticated(serving.http, std::move(status));
  }
  ToldRequest::Finish(serving.told, serving.request, std::move(status), response);
}

std::optional<http::Response> ApiServer::State::PublicPage(const http::Request& request) {
  if (IsConsoleLogin(request)) return std::nullopt;  // It waits its turn.
  std::optional<http::Response> page = browser_access.Preflight(request);
  if (!page) page = console.Answer(request);
  if (page) AddHeaders(request, {}, *page);
  return page;
}

http::Response ApiServer::Handle(const http::Request& request) {
  return *HandleLater(request, nullptr);
}

std::optional<http::Response> ApiServer::HandleLater(const http::Request& request,
                                                     const http::LateReplyPtr& reply) {
  if (auto page = state_->PublicPage(request)) return page;
  if (!state_->outside && state_->authorizers->Names().empty()) {
    return LetIn(request, state_->Ask(request, nullptr), reply);
  }
  std::optional<Asked> asked;
  {
    const NotForLong attempt;
    asked = state_->Ask(request, nullptr);
    if (attempt.failed()) asked.reset();
  }
  return asked ? LetIn(request, *std::move(asked), reply) : AskElsewhere(request);
}

// Only then is it known whose turn it is: what follows goes on there.
http::Response ApiServer::AskElsewhere(const http::Request& request) {
  const auto handle = [this](const http::Request& copy) {
    return *LetIn(copy, state_->Ask(copy, nullptr));
  };
  auto names = state_->authentication->WaitsFor(request);
  if (ImpersonatesSomebody(request)) {
    auto of_authorizers = state_->authorizers->Names();
    // Whoever he is, he has not been let in yet, and may name anybody.
    if (!of_authorizers.empty()) names.insert(OutboundPool::OneOfMany("impersonation"));
    names.merge(of_authorizers);
  }
  return Detour(state_->outbound, std::move(names), request, handle,
                [this](const http::Request& copy) {
                  http::Response response = RefuseForNow(copy);
                  state_->AddHeaders(copy, {}, response);
                  return response;
                });
}

std::optional<http::Response> ApiServer::LetIn(const http::Request& request, Asked asked,
                                               const http::LateReplyPtr& reply) {
  (void)state_->BeginAudit(request, asked);
  // Who is refused before it is known who he is takes no seat.
  if (!asked.is_known()) return Answer(request, std::move(asked));
  flow_control::Pass pass = state_->entrance->Enter({request, asked.info, *asked.user});
  if (pass.state() != flow_control::Pass::State::kIn) {
    return KeepOut(request, std::move(asked), std::move(pass));
  }
  return Begin(request, std::move(asked), std::move(pass), reply);
}

http::Response ApiServer::KeepOut(const http::Request& request, Asked asked,
                                  flow_control::Pass pass) {
  flow_control::Entrance& entrance = *state_->entrance;
  if (pass.state() == flow_control::Pass::State::kRefused) return entrance.Refusal(pass, request);
  return entrance.Wait(std::move(pass), {request, asked.info, *asked.user},
                       [this, asked](const auto& copy, auto own, const auto& late) {
                         return Begin(copy, asked, std::move(own), late);
                       });
}

// What was found out before something had to be waited for is not found out again, and a request is
// let in once.
ApiServer::Outcome ApiServer::TryHandle(const http::Request& request) {
  if (IsConsoleLogin(request)) return {};  // A token may have to be looked up.
  if (auto page = state_->PublicPage(request)) return {.response = std::move(page)};
  const AtOnce attempt;
  Asked asked = state_->Ask(request, nullptr);
  if (attempt.failed() || !state_->BeginAudit(request, asked)) return {};
  if (!asked.is_known()) return {.response = TryAnswer(request, asked, nullptr)};
  const Promptness promptness = PromptnessOf(request, asked.info);
  // Also what a worker has: none is woken to find out that its turn has not come.
  if (promptness != Promptness::kInTurn) return TryLetIn(request, std::move(asked), attempt);
  std::string owner = asked.user->name;
  const auto held = std::make_shared<Asked>(std::move(asked));
  Outcome later = {
      .rest = [this, held](const http::Request& same, const http::LateReplyPtr& reply) {
        return LetIn(same, std::move(*held), reply);
      }};
  later.in_turn = [this, held](const http::Request& same) {
    const AtOnce own_attempt;
    return TryLetIn(same, std::move(*held), own_attempt);
  };
  later.owner = std::move(owner);
  return later;
}

ApiServer::Outcome ApiServer::TryLetIn(const http::Request& request, Asked asked,
                                       const AtOnce& attempt) {
  flow_control::Pass pass = state_->entrance->Enter({request, asked.info, *asked.user});
  if (pass.state() != flow_control::Pass::State::kIn) {
    return {.response = KeepOut(request, std::move(asked), std::move(pass))};
  }
  const bool may_answer = PromptnessOf(request, asked.info) != Promptness::kWorker &&
                          state_->WaitsFor(request, asked.info, *asked.user).empty();
  if (may_answer && !attempt.failed()) {
    const auto beginning = state_->entrance->BeginningOf(pass);
    asked.initial_events = beginning;
    if (auto answer = TryAnswer(request, asked, &pass)) {
      answer = state_->entrance->Send(pass, request, *std::move(answer));
      state_->entrance->Hold(beginning, std::move(pass));
      return {.response = std::move(answer)};
    }
  }
  const auto held =
      std::make_shared<std::pair<Asked, flow_control::Pass>>(std::move(asked), std::move(pass));
  return {.rest = [this, held](const http::Request& same, const http::LateReplyPtr& reply) {
    return Begin(same, std::move(held->first), std::move(held->second), reply);
  }};
}

// As TryAnswer: no worker waits for a webhook.
std::optional<http::Response> ApiServer::TryAnswerOnWorker(const http::Request& request,
                                                           Asked& asked,
                                                           flow_control::Pass& pass) {
  const flow_control::AtWork at_work(pass);
  const NotForLong attempt;
  return TryAnswer(request, asked, &pass);
}

// What may have to wait for a webhook leaves its worker to the others.
std::optional<http::Response> ApiServer::Begin(const http::Request& request, Asked asked,
                                               flow_control::Pass pass,
                                               const http::LateReplyPtr& reply) {
  auto names = state_->WaitsForFromWorker(request, asked.info, *asked.user);
  auto of_authorizers = state_->NamesOfQuestions(*asked.user);
  flow_control::Entrance& entrance = *state_->entrance;
  const auto beginning = entrance.BeginningOf(pass);
  asked.initial_events = beginning;
  // Where admission may ask whether something is allowed, an attempt finds out.
  const bool may_leave = of_authorizers.empty() && reply != nullptr;
  if (names.empty() && may_leave && !asked.info.IsReadOnly()) {
    return ServeLater(request, std::move(asked), std::move(pass), reply);
  }
  if (names.empty()) {
    auto answer = TryAnswerOnWorker(request, asked, pass);
    // What has to be converted was not known of before; unless that has changed again.
    if (!answer) names = state_->WaitsForFromWorker(request, asked.info, *asked.user);
    if (!answer) names.merge(of_authorizers);
    if (!answer && names.empty()) {
      const flow_control::AtWork at_work(pass);
      answer = Answer(request, std::move(asked), &pass);
    }
    if (answer) {
      auto response = entrance.Send(pass, request, *std::move(answer));
      entrance.Hold(beginning, std::move(pass));
      return response;
    }
  }
  const size_t document_bytes = state_->BytesOfChanged(request, asked.info, names.size());
  pass.LeaveWorker();
  const auto held = std::make_shared<flow_control::Pass>(std::move(pass));
  const auto handle = [this, asked = std::move(asked), held](const http::Request& copy) {
    state_->AwaitAccount(copy, asked.info);
    auto response = state_->entrance->Send(*held, copy, Answer(copy, asked, held.get()));
    state_->entrance->Hold(asked.initial_events, std::move(*held));
    return response;
  };
  return Detour(state_->outbound, std::move(names), request, handle, RefuseForNow, document_bytes);
}

// A worker is not to wait for the disk: the write goes there, and the answer comes from there.
std::optional<http::Response> ApiServer::ServeLater(const http::Request& request, Asked asked,
                                                    flow_control::Pass pass,
                                                    const http::LateReplyPtr& reply) {
  auto serving = std::make_shared<Serving>(*state_, request, asked);
  serving->counted.Count(*state_);
  serving->pass = std::move(pass);
  serving->request.late = &serving->late;
  auto result = [&] {
    const flow_control::AtWork at_work(serving->pass);
    return state_->Serve(serving->request, std::move(asked.user));
  }();
  if (!serving->late.answer) {
    if (serving->IsOfBygoneKind(result)) return ServeAnew(*serving);
    return FinishLate(*serving, std::move(result));
  }
  serving->pass.EndJudging();
  Write write = std::move(serving->late.write);
  // Once: who has the answer is to find the request over with.
  auto stored = [this, reply, serving = std::move(serving)](Result<Written> written) mutable {
    if (!written && IsRace(written.error())) {
      reply->OnWorker([this, serving = std::move(serving)] { return ServeAnew(*serving); });
      return;
    }
    reply->OnLoop([this, serving = std::move(serving), written = std::move(written)] {
      return FinishLate(*serving, written.and_then(serving->late.answer));
    });
  };
  state_->store.ApplyLater(std::move(write), std::move(stored));
  return std::nullopt;
}

http::Response ApiServer::ServeAnew(Serving& serving) {
  Asked asked = serving.AskedAgain();
  if (asked.in_process) return Answer(serving.http, std::move(asked));
  return state_->entrance->Send(serving.pass, serving.http,
                                Answer(serving.http, std::move(asked), &serving.pass));
}

http::Response ApiServer::FinishLate(Serving& serving, Result<http::Response> result) {
  if (serving.request.in_process) return Finish(serving, std::move(result), nullptr);
  return state_->entrance->Send(serving.pass, serving.http,
                                Finish(serving, std::move(result), &serving.pass));
}

// Not kept: whoever calls waits on a thread of his own, and of those there are few.
http::Response ApiServer::Handle(const http::Request& request, const User& user) {
  return Answer(request, state_->Ask(request, &user));
}

std::optional<http::Response> ApiServer::HandleLater(const http::Request& request,
                                                     const User& user,
                                                     const http::LateReplyPtr& reply) {
  Asked asked = state_->Ask(request, &user);
  const bool may_leave = asked.is_known() && !asked.info.IsReadOnly() &&
                         state_->WaitsFor(request, asked.info, *asked.user).empty();
  if (!may_leave) return Answer(request, std::move(asked));
  (void)state_->BeginAudit(request, asked);
  return ServeLater(request, std::move(asked), {}, reply);
}

}  // namespace skiff
