{{/*
The alerts of the chart. No `job`: its value depends on how the exporter is scraped. Series of one site from several pods are one,
so that a restarted pod does not start the clock again.
*/}}
{{- define "nbu-exporter.alerts" -}}
{{- $selector := .Values.prometheusRule.selector -}}
{{- $in := ternary (printf "{%s}" $selector) "" (not (empty $selector)) -}}
- alert: NbuExporterAbsent
  expr: absent(nbu_exporter_build_info{{ $in }})
  for: 10m
  labels:
    severity: critical
  annotations:
    summary: No NetBackup exporter is scraped
    description: Prometheus has no series of nbu-exporter, so that nothing else here can alert.
- alert: NbuExporterConfigRejected
  expr: nbu_exporter_config_last_reload_successful{{ $in }} == 0
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: The NetBackup exporter refused its newest configuration
    description: '{{ "{{ $labels.instance }}" }} runs on with its last good configuration; its log and its Events name the line to mend.'
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
