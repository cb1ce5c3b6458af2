{{/*
The targets of this release as Prometheus labels them, one matcher list for each monitor that is enabled, as a YAML list; none where
someone else scrapes it. Another release that is up must not hide that this one is down.
*/}}
{{- define "nbu-exporter.targets" -}}
{{- $namespace := include "nbu-exporter.namespace" . -}}
{{- $name := include "nbu-exporter.fullname" . -}}
{{- $targets := list -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- $labels := (include "nbu-exporter.metadata" (dict "root" . "labels" .Values.service.labels) | fromYaml).labels -}}
{{- $job := get $labels .Values.serviceMonitor.jobLabel | default $name -}}
{{- $targets = append $targets (printf "job=%q, namespace=%q" $job $namespace) -}}
{{- end -}}
{{- if .Values.podMonitor.enabled -}}
{{- $own := printf "%s/%s" (.Values.podMonitor.namespace | default $namespace) $name -}}
{{- $job := get (include "nbu-exporter.podLabels" . | fromYaml) .Values.podMonitor.jobLabel | default $own -}}
{{- $targets = append $targets (printf "job=%q, namespace=%q" $job $namespace) -}}
{{- end -}}
{{- if .Values.scrapeConfig.enabled -}}
{{- $own := printf "scrapeConfig/%s/%s" (.Values.scrapeConfig.namespace | default $namespace) $name -}}
{{- $targets = append $targets (printf "job=%q" (.Values.scrapeConfig.jobName | default $own)) -}}
{{- end -}}
{{- toYaml $targets -}}
{{- end -}}

{{/* (list . FORMAT SEPARATOR): the format with each target's matchers in place of %s, joined. */}}
{{- define "nbu-exporter.ofTargets" -}}
{{- $root := index . 0 -}}
{{- $format := index . 1 -}}
{{- $parts := list -}}
{{- range include "nbu-exporter.targets" $root | fromYamlArray -}}
{{- $matchers := without (list . $root.Values.prometheusRule.selector) "" | join ", " -}}
{{- $parts = append $parts (printf $format $matchers) -}}
{{- end -}}
{{- join (index . 2) $parts -}}
{{- end -}}

{{/*
The alerts of the chart. `job` stands only where a target of this release is meant, and is then that of its monitor. Series of one site
from several pods are one, so that a restarted pod does not start the clock again.
*/}}
{{- define "nbu-exporter.alerts" -}}
{{- $selector := .Values.prometheusRule.selector -}}
{{- $in := ternary (printf "{%s}" $selector) "" (not (empty $selector)) -}}
{{- $release := printf "%s/%s" (include "nbu-exporter.namespace" .) (include "nbu-exporter.fullname" .) }}
{{- $scraped := include "nbu-exporter.ofTargets" (list . "up{%s} == 1" " or ") }}
- alert: NbuExporterAbsent
  # No target of this release is up: none is there, or all are down. Of a release that someone else scrapes, only its own series are known.
  expr: {{ ternary (printf "absent(%s)" $scraped) (printf "absent(nbu_exporter_build_info%s)" $in) (not (empty $scraped)) | quote }}
  for: 10m
  labels:
    severity: critical
  annotations:
    summary: No NetBackup exporter is scraped
    description: {{ ternary (printf "Prometheus reaches no pod of %s, so that nothing else here can alert for it." $release) "Prometheus has no series of nbu-exporter, so that nothing else here can alert." (not (empty $scraped)) }}
- alert: NbuExporterDown
  # Where the monitor is unknown: what was an exporter within the last day.
  expr: {{ include "nbu-exporter.ofTargets" (list . "up{%s} == 0" " or ") | default (printf "up == 0 and on (job, instance) last_over_time(nbu_exporter_build_info%s[1d])" $in) | quote }}
  for: 10m
  labels:
    severity: critical
  annotations:
    summary: A NetBackup exporter does not answer its scrapes
    description: 'Prometheus finds {{ "{{ $labels.instance }}" }} and gets no page from it: it does not start, or can not be reached.'
- alert: NbuExporterConfigRejected
  # A pod that ends with its series does not end the alert: what it said last holds until the release is heard of again.
  expr: |-
    nbu_exporter_config_last_reload_successful{{ $in }} == 0
      or (last_over_time(nbu_exporter_config_last_reload_successful{{ $in }}[1h]) == 0
        unless on (job, namespace) nbu_exporter_config_last_reload_successful{{ $in }})
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: The NetBackup exporter refused its newest configuration
    description: '{{ "{{ $labels.instance }}" }} does not run its newest configuration; its log and its Events name the line to mend.'
- alert: NbuExporterConfigObjectMissing
  expr: nbu_exporter_config_kubernetes_object_present{{ $in }} == 0
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: The object with the configuration of the NetBackup exporter is gone
    description: 'There is no object for {{ "{{ $labels.instance }}" }} to follow: it keeps what it has, and an edit can not reach it.'
- alert: NbuExporterConfigMountLagging
  expr: nbu_exporter_config_mount_lag_seconds{{ $in }} > {{ int .Values.prometheusRule.defaultRules.thresholds.mountLagSeconds }}
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: The mounted configuration does not follow the ConfigMap
    description: 'The file in {{ "{{ $labels.instance }}" }} has been behind the ConfigMap object for {{ "{{ $value | humanizeDuration }}" }}; a restart would start with the older one.'
- alert: NbuExporterConfigWatchDown
  expr: nbu_exporter_config_kubernetes_watch_up{{ $in }} == 0
  for: 15m
  labels:
    severity: warning
  annotations:
    summary: The NetBackup exporter can not watch its ConfigMap
    description: 'The Kubernetes API does not answer {{ "{{ $labels.instance }}" }}; edits arrive by the mounted file only, about a minute later.'
- alert: NbuSiteDown
  expr: max without (instance, pod) (nbu_up{{ $in }}) == 0
  for: 10m
  labels:
    severity: critical
  annotations:
    summary: A NetBackup primary server does not answer
    description: 'Nothing could be read from site {{ "{{ $labels.site }}" }} for 10 minutes; its backups are not observed.'
- alert: NbuCollectorFailing
  expr: |-
    max without (instance, pod) (nbu_scrape_collector_success{{ $in }}) == 0
      unless ignoring (collector) max without (instance, pod) (nbu_up{{ $in }}) == 0
  for: 30m
  labels:
    severity: warning
  annotations:
    summary: A part of a NetBackup site can not be read
    description: 'Collector {{ "{{ $labels.collector }}" }} of site {{ "{{ $labels.site }}" }} fails while the site answers; often its API key lacks a permission.'
{{- end -}}
