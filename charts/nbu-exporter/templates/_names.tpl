{{/* A name cut to 63 characters that still ends as DNS labels and label values must. */}}
{{- define "nbu-exporter.cut" -}}
{{- . | toString | trunc 63 | trimAll "-._" -}}
{{- end -}}

{{- define "nbu-exporter.name" -}}
{{- include "nbu-exporter.cut" (.Values.nameOverride | default .Chart.Name) -}}
{{- end -}}

{{- define "nbu-exporter.fullname" -}}
{{- $name := include "nbu-exporter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- include "nbu-exporter.cut" .Values.fullnameOverride -}}
{{- else -}}
{{- /* A release may have dots in its name, a Service may not. */ -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- include "nbu-exporter.cut" (ternary $release (printf "%s-%s" $release $name) (contains $name $release)) -}}
{{- end -}}
{{- end -}}

{{/* (list . SUFFIX): the full name, cut so that the suffix always fits and names with different suffixes never meet. */}}
{{- define "nbu-exporter.suffixed" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $room := int (sub 62 (len $suffix)) -}}
{{- printf "%s-%s" (include "nbu-exporter.fullname" $root | trunc $room | trimAll "-._") $suffix -}}
{{- end -}}

{{- define "nbu-exporter.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* Where the last good configuration outlives the pod; empty where no ConfigMap is watched: nothing of a Secret is kept there. */}}
{{- define "nbu-exporter.lastGoodName" -}}
{{- if and .Values.lastGood.enabled .Values.kubernetesWatch.enabled (not .Values.configSecret.existingName) -}}
{{- include "nbu-exporter.suffixed" (list . "last-good") -}}
{{- end -}}
{{- end -}}

{{/* The name of objects that belong to no namespace: no other release has it. */}}
{{- define "nbu-exporter.clusterName" -}}
{{- printf "%s.%s" (include "nbu-exporter.fullname" .) (include "nbu-exporter.namespace" .) -}}
{{- end -}}

{{/*
The Secret with the webhook's certificate, and the hosts that the API server knows the webhook by. Each mode has its own: whoever keeps one
would take another's certificate for its own, and never renew it.
*/}}
{{- define "nbu-exporter.webhookSecret" -}}
{{- $suffix := get (dict "self" "webhook" "cert-manager" "webhook-cert" "chart" "webhook-pair") .Values.admissionWebhook.certificate.mode -}}
{{- include "nbu-exporter.suffixed" (list . $suffix) -}}
{{- end -}}

{{- define "nbu-exporter.webhookHosts" -}}
{{- $host := printf "%s.%s.svc" (include "nbu-exporter.fullname" .) (include "nbu-exporter.namespace" .) -}}
{{- printf "%s,%s.cluster.local" $host $host -}}
{{- end -}}

{{/* Whether the pod asks the Kubernetes API for anything: not empty if so. */}}
{{- define "nbu-exporter.usesApi" -}}
{{- if or .Values.kubernetesWatch.enabled .Values.fleet.enabled }}true{{ end -}}
{{- end -}}

{{/* The object that holds the configuration: its kind, name and key. */}}
{{- define "nbu-exporter.configKind" -}}
{{- ternary "configmap" "secret" (empty .Values.configSecret.existingName) -}}
{{- end -}}

{{- define "nbu-exporter.configName" -}}
{{- .Values.configSecret.existingName | default .Values.configMap.existingName | default (include "nbu-exporter.fullname" .) -}}
{{- end -}}

{{- define "nbu-exporter.configKey" -}}
{{- ternary .Values.configMap.key .Values.configSecret.key (empty .Values.configSecret.existingName) -}}
{{- end -}}

{{- define "nbu-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "nbu-exporter.cut" (.Values.serviceAccount.name | default (include "nbu-exporter.fullname" .)) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Immutable in a Deployment: never add to them. */}}
{{- define "nbu-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "nbu-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ include "nbu-exporter.cut" .Release.Name | quote }}
{{- end -}}

{{/* For every object but the pods: the chart's version in a pod template would restart the exporter at each upgrade of the chart. */}}
{{- define "nbu-exporter.labels" -}}
helm.sh/chart: {{ include "nbu-exporter.cut" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_")) }}
{{ include "nbu-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ include "nbu-exporter.cut" (.Chart.AppVersion | replace "+" "_") | quote }}
app.kubernetes.io/component: exporter
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Those that Services and monitors select by win over any label given by the user. */}}
{{- define "nbu-exporter.podLabels" -}}
{{- $own := include "nbu-exporter.selectorLabels" . | fromYaml -}}
{{- toYaml (mergeOverwrite (dict "app.kubernetes.io/component" "exporter") (.Values.commonLabels | default dict) (.Values.podLabels | default dict) $own) -}}
{{- end -}}

{{- define "nbu-exporter.doctorName" -}}
{{- include "nbu-exporter.name" . | trunc 56 | trimAll "-._" }}-doctor
{{- end -}}

{{/* Another name than that of the exporter's pods: the Service must not send scrapes to the pod of `helm test`. */}}
{{- define "nbu-exporter.doctorLabels" -}}
{{- $own := dict "app.kubernetes.io/name" (include "nbu-exporter.doctorName" .) "app.kubernetes.io/instance" (include "nbu-exporter.cut" .Release.Name) "app.kubernetes.io/component" "test" -}}
{{- toYaml (mergeOverwrite (include "nbu-exporter.labels" . | fromYaml) (.Values.commonLabels | default dict) $own) -}}
{{- end -}}

{{/* (dict "root" . "name" NAME "namespace" NS "isClusterScoped" BOOL "labels" MAP "annotations" MAP): the metadata of an object. */}}
{{- define "nbu-exporter.metadata" -}}
{{- $own := include "nbu-exporter.selectorLabels" .root | fromYaml -}}
{{- $labels := include "nbu-exporter.labels" .root | fromYaml -}}
{{- $labels = mergeOverwrite $labels (.root.Values.commonLabels | default dict) (.labels | default dict) $own -}}
{{- $annotations := mergeOverwrite dict (.root.Values.commonAnnotations | default dict) (.annotations | default dict) -}}
name: {{ .name | default (include "nbu-exporter.fullname" .root) | quote }}
{{- if not .isClusterScoped }}
namespace: {{ .namespace | default (include "nbu-exporter.namespace" .root) | quote }}
{{- end }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "nbu-exporter.image" -}}
{{- $image := .Values.image -}}
{{- $registry := (.Values.global | default dict).imageRegistry | default $image.registry -}}
{{- $repository := ternary (printf "%s/%s" $registry $image.repository) $image.repository (not (empty $registry)) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s%s" $repository ($image.tag | default .Chart.AppVersion | toString) $image.tagSuffix -}}
{{- end -}}
{{- end -}}

{{/* Accepts names and maps with a name, its own and the umbrella chart's. */}}
{{- define "nbu-exporter.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) -}}
{{- $names = append $names (dict "name" (ternary (get (ternary . dict (kindIs "map" .)) "name") . (kindIs "map" .))) -}}
{{- end -}}
{{- with uniq $names -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* (list . VALUE): a list, map or string with its template expressions evaluated. */}}
{{- define "nbu-exporter.templated" -}}
{{- $root := index . 0 -}}
{{- $value := index . 1 -}}
{{- if $value -}}
{{- tpl (ternary $value (toYaml $value) (kindIs "string" $value)) $root | trimSuffix "\n" -}}
{{- end -}}
{{- end -}}
