#include "client/client.h"

#include <fmt/format.h>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "client/transport.h"

namespace skiff {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetadataOnly =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
constexpr std::string_view kMetadataListOnly =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

Query SelectorQuery(const std::string& labels, const std::string& fields,
                    const std::string& resource_version) {
  Query query;
  if (!labels.empty()) query.emplace_back("labelSelector", labels);
  if (!fields.empty()) query.emplace_back("fieldSelector", fields);
  if (!resource_version.empty()) query.emplace_back("resourceVersion", resource_version);
  return query;
}

Json DeleteBody(const DeleteOptions& options) {
  Json body = {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
  if (options.grace_period_s) body["gracePeriodSeconds"] = *options.grace_period_s;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) {
    body["preconditions"]["resourceVersion"] = options.resource_version;
  }
  return body;
}

// Whoever extends the API may list anything.
bool MayBeObject(const Json& item) {
  if (!item.is_object()) return false;
  const auto metadata = item.find("metadata");
  return metadata == item.end() || metadata->is_object();
}

std::string Body(const http::Response& response) {
  std::string body = response.body;
  for (const http::SharedBytes& piece : response.pieces) body += *piece;
  return body;
}

Error ErrorOf(const http::Response& response) {
  const std::string body = Body(response);
  const auto status = ParseJson(body);
  if (status && status->is_object() && TextAt(*status, "kind") == "Status") {
    return ErrorFromStatus(*status, response.status);
  }
  Error error{Reason::kUnknown,
              body.empty() ? fmt::format("the server answered {}", response.status) : body};
  error.http_code = response.status;
  return error;
}

// The text of the value that the reader stands in front of.
std::string_view TakeText(JsonReader& in) {
  const JsonToken token = in.Next();
  const size_t begin = in.begin();
  in.SkipEntered(token);
  return in.failed() ? std::string_view("null") : in.text().substr(begin, in.position() - begin);
}

void TakeListMetadata(JsonReader& in, TextList& list) {
  const JsonToken token = in.Next();
  if (token != JsonToken::kObject) return in.SkipEntered(token);
  std::string_view key;
  while (in.NextKey(key)) {
    std::string* const wanted = key == "resourceVersion" ? &list.resource_version
                                : key == "continue"      ? &list.continue_
                                                         : nullptr;
    const JsonToken value = in.Next();
    if (wanted != nullptr && value == JsonToken::kString) *wanted = in.string();
    in.SkipEntered(value);
  }
}

Result<TextList> CutList(std::string_view text, const std::string& path) {
  TextList list;
  JsonReader in(text);
  std::string_view key;
  const JsonToken outer = in.Next();
  if (outer != JsonToken::kObject) in.SkipEntered(outer);
  while (outer == JsonToken::kObject && in.NextKey(key)) {
    if (key == "metadata") {
      TakeListMetadata(in, list);
    } else if (key == "items") {
      const JsonToken items = in.Next();
      if (items != JsonToken::kArray) in.SkipEntered(items);
      while (items == JsonToken::kArray && in.NextItem()) {
        list.items.push_back(RawJson::FromText(TakeText(in)));
      }
    } else {
      in.Skip();
    }
  }
  in.Finish();
  if (in.failed()) {
    return Fail(Reason::kInternalError, "the server's answer is not JSON: " + path);
  }
  return list;
}

}  // namespace

std::string_view ContentType(PatchType type) {
  switch (type) {
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kStrategic:
      return "application/strategic-merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";
  }
  return kJson;
}

Client::Sent::Sent() : content_type(kJson), accept(kJson) {}

Client::Sent::Sent(std::string text) : Sent() {
  body = std::move(text);
}

http::Request Client::RequestOf(const std::string& method, const std::string& path, Query query,
                                Sent sent) const {
  const bool takes_objects = transport_.TakesObjects();
  http::Request request;
  request.method = method;
  request.path = path;
  request.query = std::move(query);
  request.headers.emplace("Accept", std::move(sent.accept));
  request.headers.emplace("User-Agent", user_agent_);
  request.takes_handed = sent.takes_object && takes_objects;
  if (sent.handed || sent.body) {
    request.headers.emplace("Content-Type", std::move(sent.content_type));
    if (sent.body) request.body = *std::move(sent.body);
    if (sent.handed && !takes_objects) request.body = sent.handed->Text();
    if (takes_objects) request.handed = std::move(sent.handed);
  }
  return request;
}

Result<Client::Answer> Client::AnswerOf(http::Response response) {
  if (response.status < 200 || response.status > 299) return Fail(ErrorOf(response));
  if (response.handed || response.pieces.empty()) {
    return Answer{std::move(response.body), std::move(response.handed)};
  }
  return Answer{Body(response), nullptr};
}

Result<Client::Answer> Client::Ask(const std::string& method, const std::string& path, Query query,
                                   Sent sent) {
  return AnswerOf(transport_.Send(RequestOf(method, path, std::move(query), std::move(sent))));
}

bool Client::SendsLater() const {
  return transport_.SendsLater();
}

void Client::SendLater(Mailbox& answers, const std::string& method,
                       const Result<std::string>& path, Sent sent, Then<Answer> then) {
  if (!path) {
    return answers.Post([error = path.error(), then = std::move(then)] { then(Fail(error)); });
  }
  answers.Send(transport_, RequestOf(method, *path, {}, std::move(sent)),
               [then = std::move(then)](http::Response response) {
                 then(AnswerOf(std::move(response)));
               });
}

Result<std::string> Client::Send(const std::string& method, const std::string& path, Query query,
                                 Sent sent) {
  return TRY(Ask(method, path, std::move(query), std::move(sent))).text;
}

Result<Json> Client::SendJson(const std::string& method, const std::string& path, Query query,
                              Sent sent) {
  const std::string text = TRY(Send(method, path, std::move(query), std::move(sent)));
  auto document = ParseJson(text);
  if (!document) {
    return Fail(Reason::kInternalError, "the server's answer is not JSON: " + path);
  }
  return document;
}

Result<Json> Client::Get(const Resource& resource, const ObjectKey& key,
                         const std::string& subresource) {
  return SendJson("GET", TRY(resource.Path(key, subresource)), {});
}

Result<Json> Client::GetMetadata(const Resource& resource, const ObjectKey& key) {
  Sent sent;
  sent.accept = kMetadataOnly;
  return SendJson("GET", TRY(resource.Path(key)), {}, std::move(sent));
}

Result<Json> Client::GetPath(const std::string& path) {
  return SendJson("GET", path, {});
}

Result<TextList> Client::ListText(const Resource& resource, const ListOptions& options) {
  Query query =
      SelectorQuery(options.label_selector, options.field_selector, options.resource_version);
  if (options.limit > 0) query.emplace_back("limit", std::to_string(options.limit));
  if (!options.continue_.empty()) query.emplace_back("continue", options.continue_);
  Sent sent;
  if (options.metadata_only) sent.accept = kMetadataListOnly;
  const std::string path = TRY(resource.CollectionPath(options.namespace_));
  const std::string text = TRY(Send("GET", path, std::move(query), std::move(sent)));
  return CutList(text, path);
}

Result<JsonList> Client::List(const Resource& resource, const ListOptions& options) {
  const TextList texts = TRY(ListText(resource, options));
  JsonList list{{}, texts.resource_version, texts.continue_};
  list.items.reserve(texts.items.size());
  for (const RawJson& text : texts.items) {
    Json item = text.Parse();
    if (!MayBeObject(item)) {
      return Fail(Reason::kInternalError,
                  fmt::format("the server lists among {} what is no object of the API",
                              resource.name));
    }
    if (!item.contains("kind")) item["kind"] = resource.kind;
    if (!item.contains("apiVersion")) item["apiVersion"] = resource.api_version;
    list.items.push_back(std::move(item));
  }
  return list;
}

Result<Json> Client::Create(const Resource& resource, const ObjectKey& key, const Json& object,
                            const std::string& subresource) {
  const std::string path = TRY(subresource.empty() ? resource.CollectionPath(key.namespace_)
                                                   : resource.Path(key, subresource));
  return SendJson("POST", path, {}, DumpJson(object));
}

Result<Json> Client::Update(const Resource& resource, const Json& object,
                            const std::string& subresource) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return Fail(Reason::kBadRequest, "the object to update has no metadata");
  }
  const ObjectKey key = {TextAt(*metadata, "namespace"), TextAt(*metadata, "name")};
  return SendJson("PUT", TRY(resource.Path(key, subresource)), {}, DumpJson(object));
}

Result<Json> Client::Patch(const Resource& resource, const ObjectKey& key, PatchType type,
                           const Json& patch, const std::string& subresource) {
  Query query;
  if (type == PatchType::kApply) {
    query = {{"fieldManager", user_agent_.substr(user_agent_.rfind('/') + 1)}, {"force", "true"}};
  }
  Sent sent(DumpJson(patch));
  sent.content_type = ContentType(type);
  return SendJson("PATCH", TRY(resource.Path(key, subresource)), std::move(query), std::move(sent));
}

Result<Json> Client::Delete(const Resource& resource, const ObjectKey& key,
                            const DeleteOptions& options) {
  return SendJson("DELETE", TRY(resource.Path(key)), {}, DumpJson(DeleteBody(options)));
}

Result<Json> Client::DeleteCollection(const Resource& resource, const ListOptions& which,
                                      const DeleteOptions& options) {
  return SendJson("DELETE", TRY(resource.CollectionPath(which.namespace_)),
                  SelectorQuery(which.label_selector, which.field_selector, ""),
                  DumpJson(DeleteBody(options)));
}

Result<std::unique_ptr<WatchStream>> Client::Watch(const Resource& resource,
                                                   const WatchOptions& options) {
  http::Request request;
  request.method = "GET";
  request.path = TRY(resource.CollectionPath(options.namespace_));
  request.query =
      SelectorQuery(options.label_selector, options.field_selector, options.resource_version);
  request.query.emplace_back("watch", "true");
  request.query.emplace_back("allowWatchBookmarks", "true");
  if (options.timeout_s > 0) {
    request.query.emplace_back("timeoutSeconds", std::to_string(options.timeout_s));
  }
  request.headers.emplace("Accept", options.metadata_only ? kMetadataOnly : kJson);
  request.headers.emplace("User-Agent", user_agent_);
  request.takes_handed = options.takes_structs && transport_.TakesObjects();
  http::Response response = transport_.Send(std::move(request));
  if (response.status != 200) return Fail(ErrorOf(response));
  if (!response.stream)
    return Fail(Reason::kInternalError, "the server did not answer by a stream");
  return std::make_unique<WatchStream>(std::move(response.stream));
}

Result<> Client::Remove(const Resource& resource, const ObjectKey& key,
                        const DeleteOptions& options) {
  TRY(Send("DELETE", TRY(resource.Path(key)), {}, DumpJson(DeleteBody(options))));
  return {};
}

namespace {

// For whom it is enough that it went well.
template <typename Answer>
std::function<void(Result<Answer>)> Outcome(Client::Then<void> then) {
  return [then = std::move(then)](const Result<Answer>& answer) {
    then(answer ? Result<>() : Fail(answer.error()));
  };
}

}  // namespace

void Client::PatchLater(Mailbox& answers, const Resource& resource, const ObjectKey& key,
                        PatchType type, const Json& patch, Then<void> then) {
  Sent sent(DumpJson(patch));
  sent.content_type = ContentType(type);
  SendLater(answers, "PATCH", resource.Path(key), std::move(sent),
            Outcome<Answer>(std::move(then)));
}

void Client::DeleteLater(Mailbox& answers, const Resource& resource, const ObjectKey& key,
                         const DeleteOptions& options, Then<void> then) {
  SendLater(answers, "DELETE", resource.Path(key), DumpJson(DeleteBody(options)),
            Outcome<Answer>(std::move(then)));
}

Client::Sent Client::Given(PatchType type, HandedPatch patch) {
  Sent sent;
  sent.content_type = ContentType(type);
  sent.handed = std::make_shared<HandedPatch>(std::move(patch));
  sent.takes_object = true;
  return sent;
}

Result<Client::Answer> Client::SendPatch(const Resource& resource, const ObjectKey& key,
                                         PatchType type, HandedPatch patch,
                                         const std::string& subresource) {
  const std::string path = TRY(resource.Path(key, subresource));
  return Ask("PATCH", path, {}, Given(type, std::move(patch)));
}

namespace {

core_v1::Binding BindingOf(const core_v1::Pod& pod, const std::string& node) {
  core_v1::Binding binding;
  binding.metadata.name = pod.metadata.name;
  binding.metadata.namespace_ = pod.metadata.namespace_;
  binding.metadata.uid = pod.metadata.uid;
  binding.target.api_version = "v1";
  binding.target.kind = "Node";
  binding.target.name = node;
  return binding;
}

}  // namespace

Result<> Client::Bind(const core_v1::Pod& pod, const std::string& node) {
  const core_v1::Binding binding = BindingOf(pod, node);
  const std::string path = TRY(Resource(core_v1::Pod::Info()).Path(KeyOf(pod), "binding"));
  Sent sent = Given(binding);
  sent.takes_object = false;  // It is a Status.
  TRY(Send("POST", path, {}, std::move(sent)));
  return {};
}

void Client::BindLater(Mailbox& answers, const core_v1::Pod& pod, const std::string& node,
                       Then<void> then) {
  Sent sent = Given(std::make_shared<const core_v1::Binding>(BindingOf(pod, node)));
  sent.takes_object = false;
  SendLater(answers, "POST", Resource(core_v1::Pod::Info()).Path(KeyOf(pod), "binding"),
            std::move(sent), Outcome<Answer>(std::move(then)));
}

Result<> Client::Evict(const ObjectKey& pod, const DeleteOptions& options) {
  const Json eviction = {{"apiVersion", "policy/v1"},
                         {"kind", "Eviction"},
                         {"metadata", {{"name", pod.name}, {"namespace", pod.namespace_}}},
                         {"deleteOptions", DeleteBody(options)}};
  TRY(Create(core_v1::Pod::Info(), pod, eviction, "eviction"));
  return {};
}

meta_v1::OwnerReference ControllerReference(const KindInfo& info,
                                            const meta_v1::ObjectMeta& owner) {
  meta_v1::OwnerReference reference;
  reference.api_version = info.api_version;
  reference.kind = info.kind;
  reference.name = owner.name;
  reference.uid = owner.uid;
  reference.controller = true;
  reference.block_owner_deletion = true;
  return reference;
}

const meta_v1::OwnerReference* ControllerOf(const meta_v1::ObjectMeta& object) {
  for (const meta_v1::OwnerReference& reference : object.owner_references) {
    if (reference.controller.value_or(false)) return &reference;
  }
  return nullptr;
}

Json MergePatchBetween(const Json& before, const Json& after) {
  Json patch = Json::object();
  for (const auto& [name, value] : before.items()) {
    if (!after.contains(name)) patch[name] = nullptr;
  }
  for (const auto& [name, value] : after.items()) {
    const auto old = before.find(name);
    if (old == before.end()) {
      patch[name] = value;
    } else if (old->is_object() && value.is_object()) {
      Json inner = MergePatchBetween(*old, value);
      if (!inner.empty()) patch[name] = std::move(inner);
    } else if (*old != value) {
      patch[name] = value;
    }
  }
  return patch;
}

std::string MergePatchText(const Json& before, const Json& after, const PatchOptions& options) {
  Json patch = MergePatchBetween(before, after);
  const Json& metadata = before["metadata"];
  // The uid makes sure that a namesake made since is left alone.
  if (const std::string uid = TextAt(metadata, "uid"); !uid.empty()) patch["metadata"]["uid"] = uid;
  if (options.if_unchanged) {
    patch["metadata"]["resourceVersion"] = TextAt(metadata, "resourceVersion");
  }
  return DumpJson(patch);
}

std::string ResourceVersionOf(std::string_view object) {
  JsonReader in(object);
  std::string_view key;
  if (in.Next() != JsonToken::kObject) return "";
  while (in.NextKey(key)) {
    if (key != "metadata") {
      in.Skip();
      continue;
    }
    if (in.Next() != JsonToken::kObject) return "";
    while (in.NextKey(key)) {
      const bool is_version = key == "resourceVersion";
      const JsonToken value = in.Next();
      if (is_version) return value == JsonToken::kString ? std::string(in.string()) : "";
      in.SkipEntered(value);
    }
    return "";
  }
  return "";
}

Error ErrorFromStatus(const Json& status, int http_code) {
  Error error;
  if (!status.is_object()) {
    error.message = "the server sent an error that is no Status";
    return error;
  }
  error.reason = ReasonFromText(TextAt(status, "reason"));
  error.message = TextAt(status, "message");
  const auto code = status.find("code");
  error.http_code =
      code != status.end() && code->is_number_integer() ? code->get<int>() : http_code;
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return error;
  ErrorDetails& parsed = error.details.emplace();
  parsed.name = TextAt(*details, "name");
  parsed.group = TextAt(*details, "group");
  parsed.kind = TextAt(*details, "kind");
  parsed.uid = TextAt(*details, "uid");
  const auto retry = details->find("retryAfterSeconds");
  if (retry != details->end() && retry->is_number_integer()) {
    parsed.retry_after_s = retry->get<int>();
  }
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) return error;
  for (const Json& cause : *causes) {
    if (!cause.is_object()) continue;
    error.causes.push_back(
        {TextAt(cause, "reason"), TextAt(cause, "message"), TextAt(cause, "field")});
  }
  return error;
}

}  // namespace skiff
