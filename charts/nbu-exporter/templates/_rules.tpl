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
What stands for each ${name} in rules/: the thresholds, and what follows from how this release is scraped. `job` stands only where a target of this
release is meant, and is then that of its monitor.
*/}}
{{- define "nbu-exporter.rulePlaceholders" -}}
{{- $selector := .Values.prometheusRule.selector -}}
{{- $in := ternary (printf "{%s}" $selector) "" (not (empty $selector)) -}}
{{- $release := printf "%s/%s" (include "nbu-exporter.namespace" .) (include "nbu-exporter.fullname" .) -}}
{{- $scraped := include "nbu-exporter.ofTargets" (list . "up{%s} == 1" " or ") -}}
{{- $down := include "nbu-exporter.ofTargets" (list . "up{%s} == 0" " or ") -}}
{{- /* Where the monitor is unknown: what was an exporter within the last day. */ -}}
{{- $once := printf "up == 0 and on (job, instance) last_over_time(nbu_exporter_build_info%s[1d])" $in -}}
{{- $reaches := printf "Prometheus reaches no pod of %s, so that nothing else here can alert for it." $release -}}
{{- $own := dict
  "selector" $selector
  "exporterAbsent" (printf "absent(%s)" ($scraped | default (printf "nbu_exporter_build_info%s" $in)))
  "exporterAbsentMeans" (ternary $reaches "Prometheus has no series of nbu-exporter, so that nothing else here can alert." (not (empty $scraped)))
  "exporterDown" ($down | default $once)
-}}
{{- merge $own .Values.prometheusRule.defaultRules.thresholds | toYaml -}}
{{- end -}}

{{/* (list TEXT PLACEHOLDERS): the text with each ${name} filled in. */}}
{{- define "nbu-exporter.filled" -}}
{{- $text := index . 0 -}}
{{- range $name, $value := index . 1 -}}
{{- $text = replace (printf "${%s}" $name) (toString $value) $text -}}
{{- end -}}
{{- $text -}}
{{- end -}}

{{/* (list EXPRESSION PLACEHOLDERS): the expression, filled in, with the user's selector in each raw series; recorded ones (a:nbu_b:c) have passed it. */}}
{{- define "nbu-exporter.expression" -}}
{{- $expression := index . 0 -}}
{{- if (index . 1).selector -}}
{{- $expression = regexReplaceAll "(^|[^:\\w])(nbu_\\w+)\\{" $expression "${1}${2}{$${selector}, " -}}
{{- $expression = regexReplaceAll "(^|[^:\\w])(nbu_\\w+)([^:\\w{]|$)" $expression "${1}${2}{$${selector}}${3}" -}}
{{- end -}}
{{- include "nbu-exporter.filled" (list $expression (index . 1)) -}}
{{- end -}}

{{/*
The groups of rules/, a YAML list. Those files are Prometheus' own format, templates of Prometheus included, but for two things: ${name} is a value of
prometheusRule.defaultRules.thresholds, or one of the placeholders above; and prometheusRule.selector is put into each raw series. What must last for hours is read by last_over_time: one scrape that fails would begin its `for` anew.
In a fleet an alert that fires outlives the minutes in which its site moves and is read anew; Prometheus knows keep_firing_for since 2.42.
*/}}
{{- define "nbu-exporter.ruleGroups" -}}
{{- $rule := .Values.prometheusRule -}}
{{- $defaults := $rule.defaultRules -}}
{{- $placeholders := include "nbu-exporter.rulePlaceholders" . | fromYaml -}}
{{- $groups := list -}}
{{- range $path, $content := .Files.Glob "rules/*.yaml" -}}
{{- $group := $content | toString | fromYaml -}}
{{- $rules := list -}}
{{- range $it := $group.rules -}}
{{- $_ := set $it "expr" (include "nbu-exporter.expression" (list $it.expr $placeholders)) -}}
{{- if $it.record -}}
{{- $rules = append $rules $it -}}
{{- else if not (get $defaults.disabled $it.alert) -}}
{{- $_ := set $it "for" (get $defaults.for $it.alert | default $it.for) -}}
{{- if $.Values.fleet.enabled -}}
{{- $_ := set $it "keep_firing_for" "5m" -}}
{{- end -}}
{{- $severity := get $defaults.severity $it.alert | default $it.labels.severity -}}
{{- $_ := set $it "labels" (mergeOverwrite (dict "severity" $severity) $rule.alertLabels) -}}
{{- range $name, $text := $it.annotations -}}
{{- $_ := set $it.annotations $name (include "nbu-exporter.filled" (list $text $placeholders)) -}}
{{- end -}}
{{- with $rule.runbookUrlBase -}}
{{- $_ := set $it.annotations "runbook_url" (printf "%s/%s.md" (trimSuffix "/" .) $it.alert) -}}
{{- end -}}
{{- $_ := set $it "annotations" (mergeOverwrite $it.annotations $rule.alertAnnotations) -}}
{{- $rules = append $rules $it -}}
{{- end -}}
{{- end -}}
{{- with $rules -}}
{{- $groups = append $groups (dict "name" $group.name "rules" .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}
