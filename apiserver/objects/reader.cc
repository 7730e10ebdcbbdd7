#include "apiserver/objects/reader.h"

#include <algorithm>

#include "api/crd/custom_kind.h"
#include "api/kinds/behaviour.h"
#include "api/select/selector.h"
#include "apiserver/objects/list_in_version.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/server/component_statuses.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"

namespace skiff {
namespace {

// Of a record that takes hardly any time to show, in whatever form.
constexpr size_t kQuickBytesMax = 64 << 10;

constexpr std::string_view kTooOldToContinue =
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list.";

// Which revision the list reads, and where it starts.
struct Position {
  Revision at;
  std::string start_after;  // A key, or "".
  size_t limit = 0;
  std::optional<int64_t> left = std::nullopt;  // Behind `start_after`, where that is known.
};

Result<Position> PositionOf(Store& store, const std::string& prefix, const ListQuery& options) {
  Position position{.limit = options.limit > 0 ? static_cast<size_t>(options.limit) : 0};
  if (!options.continue_token.empty()) {
    const ContinueToken token = TRY(DecodeContinue(options.continue_token));
    if (!options.resource_version.empty() && options.resource_version != "0") {
      return Fail(Reason::kBadRequest,
                  "specifying resource version is not allowed when using continue");
    }
    position.at = ExactRevision(options);
    position.start_after = prefix + token.start;
    position.left = token.left;
    if (options.resource_version == "0") position.limit = 0;
    return position;
  }
  const auto version = ParseResourceVersion(options.resource_version);
  if (!version) {
    return Fail(Reason::kBadRequest, "invalid resource version: resourceVersion: Invalid value: " +
                                         Quoted(options.resource_version) + ": " +
                                         version.error().message);
  }
  if (options.resource_version == "0") {
    position.limit = 0;  // Any state will do, and all of it at once.
  } else if (*version > 0) {
    position.at = ExactRevision(options);
    if (position.at.value == 0) TRY(ReachRevision(store, *version));
  }
  return position;
}

Error ExpiredPage(const ListQuery& options, const ContinueToken& token) {
  Error error{Reason::kExpired, "The resourceVersion for the provided list is too old."};
  if (options.continue_token.empty()) return error;
  error.message = kTooOldToContinue;
  error.continue_token = EncodeContinue({.revision = -1, .start = token.start});
  return error;
}

// What is left behind a page, of which there is more, and which so has as much as it may.
int64_t RemainingAfter(const Position& position, const ListCursor& page) {
  if (!position.left) return static_cast<int64_t>(page.remaining());
  return std::max<int64_t>(0, *position.left - static_cast<int64_t>(position.limit));
}

}  // namespace

ListRequest::Terms TermsOf(const ListQuery& options, const KindInfo& kind) {
  ListRequest::Terms terms{.resource = StorePrefix(kind.storage_key), .groups = {}};
  for (const LabelRequirement& requirement : options.labels.requirements()) {
    if (requirement.op != LabelOperator::kEquals &&
        requirement.op != LabelOperator::kDoubleEquals && requirement.op != LabelOperator::kIn) {
      continue;
    }
    auto& group = terms.groups.emplace_back();
    for (const std::string& value : requirement.values) {
      group.push_back(LabelIndexTerm(requirement.key, value));
    }
  }
  for (const FieldTerm& wanted : options.fields.terms()) {
    if (!wanted.equal || RuntimeKindOf(kind) != nullptr) continue;
    const auto term = FieldIndexTerm(wanted.field, wanted.value);
    if (term) terms.groups.push_back({*term});
  }
  return terms;
}

std::optional<IndexTerm> TermOf(const ListQuery& options, const KindInfo& kind) {
  if (IsConvertedByWebhook(kind)) return std::nullopt;
  const ListRequest::Terms terms = TermsOf(options, kind);
  // Fields stand last, and tell more: which node a pod is on.
  for (auto group = terms.groups.rbegin(); group != terms.groups.rend(); ++group) {
    if (group->size() == 1) return group->front();
  }
  return std::nullopt;
}

Result<> ReachRevision(Store& store, uint64_t version) {
  const Result<> reached = store.Reach(Revision{version});
  if (!reached && reached.error().reason == Reason::kTimeout) {
    return Fail(TooLargeRevision(version, store.Current().value));
  }
  return reached;
}

std::string SelectedPrefix(const KindInfo& kind, std::string_view namespace_name,
                           const FieldSelector& fields) {
  std::string_view in = namespace_name;
  if (in.empty() && kind.namespaced) in = fields.Exact("metadata.namespace").value_or("");
  const auto name = fields.Exact("metadata.name");
  const bool named = name && (!kind.namespaced || !in.empty());
  return StorePrefix(kind.storage_key, in).append(named ? *name : "");
}

bool Selects(const ListQuery& options, const KindInfo& kind, std::string_view key,
             const ObjectView& view) {
  if (!options.labels.MatchesEach([&](auto take) {
        view.ForEachLabel([&](const NamedText& label) { take(label.name, label.value); });
      })) {
    return false;
  }
  if (options.fields.empty()) return true;
  const auto parts = ParseStoreKey(kind.storage_key, key);
  const auto values = CurrentFields(kind, view);
  if (!values) return true;
  return options.fields.MatchesBy([&](std::string_view field) -> std::string_view {
    if (field == "metadata.name") return parts ? parts->name : "";
    if (field == "metadata.namespace") return parts ? parts->object_namespace : "";
    if (*values) return (*values)->at(std::string(field));
    return view.field(field).value_or("");
  });
}

Result<std::optional<FieldTexts>> CurrentFields(const KindInfo& kind, const ObjectView& view) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr) return std::nullopt;
  FieldTexts values;
  const Object object = TRY(CustomObjectOf(kind, view));
  for (const SelectableField& field : kind.behaviour->selectable.fields) {
    values[std::string(field.name())] = SelectableValue(field, object.content());
  }
  return values;
}

Result<OpenPage> OpenPageOf(Store& store, const KindInfo& kind, std::string_view namespace_name,
                            const ListQuery& options) {
  const std::string prefix = StorePrefix(kind.storage_key, namespace_name);
  const Position position = TRY(PositionOf(store, prefix, options));
  ListRequest request{.prefix = SelectedPrefix(kind, namespace_name, options.fields),
                      .start_after = position.start_after,
                      .at = position.at,
                      .limit = position.limit};
  request.any = options.resource_version == "0" && options.continue_token.empty();
  const bool tells_remaining = position.limit > 0 && options.SelectsAll();
  request.count_remaining = tells_remaining && !position.left;
  if (!options.SelectsAll()) {
    request.terms = TermsOf(options, kind);
    const auto wanted = std::make_shared<const ListQuery>(options);
    request.filter = [wanted, &kind](const Record& record) {
      const auto view = ObjectView::Of(record);
      // What cannot be read may be what is asked for: the list fails by it.
      if (!view) return IsUnreadable(record.value);
      return Selects(*wanted, kind, record.key, *view);
    };
  }
  const bool goes_on = !options.continue_token.empty() && position.at.value > 0;
  Result<std::unique_ptr<ListCursor>> listed = Fail(Reason::kExpired, "");
  if (!goes_on || position.at >= store.PagesFrom()) {
    listed = OpenListInVersion(store, kind, request);
  }
  if (!listed) {
    if (listed.error().reason == Reason::kTimeout) {
      return Fail(TooLargeRevision(position.at.value, store.Current().value));
    }
    if (listed.error().reason != Reason::kExpired) return Fail(listed.error());
    ContinueToken token;
    if (!options.continue_token.empty()) token = TRY(DecodeContinue(options.continue_token));
    return Fail(ExpiredPage(options, token));
  }
  OpenPage page{.records = *std::move(listed), .meta = {}};
  const uint64_t revision = page.records->revision().value;
  page.meta.resource_version = std::to_string(revision);
  if (!page.records->more() || page.records->last_key().empty()) return page;
  ContinueToken next{.revision = static_cast<int64_t>(revision),
                     .start = page.records->last_key().substr(prefix.size())};
  if (tells_remaining) {
    next.left = RemainingAfter(position, *page.records);
    page.meta.remaining = *next.left;
  }
  page.meta.continue_token = EncodeContinue(next);
  return page;
}

Result<http::Response> GetObject(Store& store, const ComponentStatuses& components,
                                 const ApiRequest& request) {
  const KindInfo& kind = *request.kind;
  const MediaType media = TRY(Negotiate(request.http, OfferOf(request)));
  if (IsComponentStatus(kind)) {
    std::string text = TRY(components.Text(request.info.name));
    return ObjectResponse(200, kind, std::move(text), request, media);
  }
  const std::string asked(request.http.Query("resourceVersion").value_or(""));
  const auto version = ParseResourceVersion(asked);
  if (!version) {
    return Fail(PlainError("resourceVersion: Invalid value: " + Quoted(asked) + ": " +
                           version.error().message));
  }
  TRY(ReachRevision(store, *version));
  const std::string key = KeyOf(kind, request.info.namespace_name, request.info.name);
  const auto record = asked == "0" ? store.GetAny(key) : store.Get(key);
  if (!record) {
    if (record.error().reason != Reason::kNotFound) return Fail(record.error());
    return Fail(NotFoundError(GroupResourceOf(kind), request.info.name));
  }
  if ((*record)->value.size() > kQuickBytesMax && !MayWait()) return Fail(WouldWait());
  std::string text = TRY(TextOf(kind, **record));
  return ObjectResponse(200, kind, std::move(text), request, media);
}

}  // namespace skiff
