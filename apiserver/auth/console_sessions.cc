#include "apiserver/auth/console_sessions.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "apiserver/auth/secret.h"
#include "base/at_once.h"
#include "base/hash.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kLog("console");

constexpr std::string_view kLinkForm = "console link 1";
constexpr std::string_view kOfToken = "token";

// All accounts of a namespace are one: whoever may make them may make many.
std::string OwnerOfLink(std::string_view user) {
  constexpr std::string_view kAccount = "system:serviceaccount:";
  if (user.starts_with(kAccount)) user = user.substr(0, user.find(':', kAccount.size()));
  return Hex(Sha256(user));
}

// By the certificate of its user alone: whoever logs in by a proof sends behind it what he likes,
// and would be another owner each time.
std::string OwnerOfTicket(const ConsoleTicket& ticket) {
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  const std::string_view pem = ticket.certificate_pem;
  return Hex(Sha256(pem.substr(0, pem.find(kEnd))));
}

// By which all sessions of a certificate are ended that began by then.
std::string IdOfAll(const std::string& owner) {
  return "all-" + owner;
}

int64_t SecondsOfSession(TimePoint moment) {
  return std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
}

int64_t SecondsIn(std::string_view text) {
  int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

// What is sealed of a link:
//
//   base64(user) "\n" until "\n" ( "token\n" token | "certificate\n" PEM )
std::string LinkText(const LinkCredential& credential) {
  const std::string head =
      Base64(credential.user) + "\n" + std::to_string(SecondsOfSession(credential.until)) + "\n";
  if (credential.token.empty()) return head + "certificate\n" + credential.certificate_pem;
  return head + std::string(kOfToken) + "\n" + credential.token;
}

std::optional<LinkCredential> ReadLink(std::string_view text) {
  std::string_view lines[3];
  for (std::string_view& line : lines) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  LinkCredential credential{.user = FromBase64(lines[0]).value_or(""),
                            .token = {},
                            .until = TimePoint(std::chrono::seconds(SecondsIn(lines[1])))};
  (lines[2] == kOfToken ? credential.token : credential.certificate_pem) = std::string(text);
  return credential;
}

// Only who has the code can open what it leads to, whatever else he has read.
Result<std::unique_ptr<ValueCipher>> CipherOfLink(std::string_view code) {
  return MakeDerivedAesGcm(HmacSha256(code, kLinkForm));
}

tl::unexpected<Error> NoLink() {
  return Fail(Reason::kUnauthorized,
              "this link was used already, or is older than a minute; `skiff console` makes "
              "another one");
}

}  // namespace

ConsoleSessions::ConsoleSessions(Store& store, const Clock& clock, Random& random,
                                 SecretFor secret_for)
    : store_(store),
      clock_(clock),
      random_(random),
      secret_for_(std::move(secret_for)),
      links_(store, clock, "links",
             {.own_max = kLinksMax, .all_max = kAllLinksMax, .oldest_goes = true}),
      ended_(store, clock, "ended", {.own_max = kEndedMax, .all_max = kAllEndedMax}),
      follower_(store, ended_.prefix()) {}

Result<std::string> ConsoleSessions::MakeLink(const LinkCredential& credential) {
  if (credential.certificate_pem.size() > kTicketCertificatesMax) {
    return Fail(Reason::kInvalid, "these are more certificates than a link takes (16 KiB)");
  }
  const std::string code = NewSecret(random_);
  const auto cipher = TRY(CipherOfLink(code));
  const std::string sealed = TRY(cipher->Seal(LinkText(credential), kLinkForm));
  TRY(links_.Add({.id = Hex(Sha256(code)),
                  .owner = OwnerOfLink(credential.user),
                  .until = clock_.Now() + kLinkTime,
                  .text = Base64(sealed)}));
  return code;
}

Result<LinkCredential> ConsoleSessions::Redeem(std::string_view code) {
  const auto record = links_.Take(Hex(Sha256(code)));
  if (!record) {
    const Reason reason = record.error().reason;
    const bool is_gone = reason == Reason::kNotFound || reason == Reason::kConflict;
    if (is_gone) return NoLink();
    return Fail(record.error());
  }
  const auto cipher = TRY(CipherOfLink(code));
  const auto sealed = FromBase64(record->text);
  if (!sealed) return NoLink();
  const auto text = cipher->Open(*sealed, kLinkForm);
  auto credential = text ? ReadLink(*text) : std::nullopt;
  if (!credential) return NoLink();
  kLog.Info("a link to the console was used", {{"user", credential->user}});
  return *std::move(credential);
}

Result<ConsoleSessions::CipherPtr> ConsoleSessions::Cipher() {
  {
    const PatientLock lock(mutex_);
    if (!lock) return Fail(WouldWait());
    if (cipher_) return cipher_;
  }
  const std::string secret = TRY(secret_for_(kTicketPurpose));
  CipherPtr made = TRY(MakeDerivedAesGcm(secret));
  const PatientLock lock(mutex_);
  if (!lock) return Fail(WouldWait());
  cipher_ = made;
  return made;
}

Result<std::string> ConsoleSessions::Begin(const LinkCredential& credential) {
  const CipherPtr cipher = TRY(Cipher());
  const TimePoint now = clock_.Now();
  std::string token =
      TRY(SealTicket(*cipher, {.made = now,
                               .until = std::min<TimePoint>(now + kSessionTime, credential.until),
                               .by_proof = credential.by_proof,
                               .certificate_pem = credential.certificate_pem}));
  if (credential.by_proof) {
    kLog.Info("the console was logged in to by a certificate's key", {{"user", credential.user}});
  }
  return token;
}

std::optional<ConsoleTicket> ConsoleSessions::Find(std::string_view token) {
  if (!IsConsoleTicket(token)) return std::nullopt;
  const auto cipher = Cipher();
  if (!cipher) return std::nullopt;
  auto ticket = OpenTicket(**cipher, token);
  if (!ticket || ticket->until <= clock_.Now() || IsEnded(*ticket)) return std::nullopt;
  return ticket;
}

void ConsoleSessions::Take(const Record& record) {
  if (auto read = ReadConsoleRecord(record)) ended_ids_[read->id] = std::move(read->text);
}

bool ConsoleSessions::CatchUp() {
  const Revision current = store_.Current();
  if (follower_.follows() && seen_ == current) return true;
  const auto tell = [this](const Event& event) REQUIRES(mutex_) {
    if (event.kind == Event::Kind::kPut) return Take(*event.record);
    const std::string& key = event.record->key;
    ended_ids_.erase(key.substr(key.rfind('/') + 1));
  };
  bool is_read = follower_.Read(current, tell);
  if (!is_read) {
    if (!MayWait()) return false;
    is_read = follower_.List([this]() REQUIRES(mutex_) { ended_ids_.clear(); },
                             [this](const Record& record) REQUIRES(mutex_) { Take(record); });
  }
  if (is_read) seen_ = current;
  was_read_ |= is_read;
  return was_read_;
}

bool ConsoleSessions::IsEnded(const ConsoleTicket& ticket) {
  const PatientLock lock(mutex_);
  if (!lock || !CatchUp()) return true;
  if (ended_ids_.empty()) return false;
  if (ended_ids_.contains(ticket.id)) return true;
  const auto all = ended_ids_.find(IdOfAll(OwnerOfTicket(ticket)));
  return all != ended_ids_.end() && SecondsOfSession(ticket.made) <= SecondsIn(all->second);
}

Result<> ConsoleSessions::End(std::string_view token) {
  if (!IsConsoleTicket(token)) return {};
  // Not by Find: where the key or the store fails nobody is let in, and nothing has ended either.
  const CipherPtr cipher = TRY(Cipher());
  const auto ticket = OpenTicket(*cipher, token);
  if (!ticket || ticket->until <= clock_.Now()) return {};
  const std::string owner = OwnerOfTicket(*ticket);
  const Result<> ended = ended_.Add(
      {.id = ticket->id, .owner = owner, .until = ticket->until + kServerClocksApartMax});
  if (ended || ended.error().reason == Reason::kAlreadyExists) return {};
  if (ended.error().reason != Reason::kTooManyRequests) return ended;
  // This one, too, which a server may have made whose clock is ahead.
  const TimePoint now = clock_.Now();
  const TimePoint begun = std::clamp<TimePoint>(ticket->made, now, now + kServerClocksApartMax);
  return ended_.PutForAll({.id = IdOfAll(owner),
                           .owner = owner,
                           .until = begun + kSessionTime + kServerClocksApartMax,
                           .text = std::to_string(SecondsOfSession(begun))});
}

}  // namespace skiff
