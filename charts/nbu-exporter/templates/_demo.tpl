{{/* The simulator serves its sites on consecutive ports of the pod's loopback. */}}
{{- define "nbu-exporter.demoSites" -}}
{{- range $index := until 2 }}
- site: demo-{{ add1 $index }}
  host: 127.0.0.1
  port: {{ add 18080 $index }}
  scheme: http
  apiKey: ${SIMULATED_API_KEY}
  # Whatever proxy the environment names.
  proxyUrl: none
{{- end }}
{{- end -}}

{{/* A sidecar that starts before the exporter (and ends with it: `helm test` would otherwise never finish). Kubernetes 1.29. */}}
{{- define "nbu-exporter.demoContainer" -}}
name: simulator
image: {{ include "nbu-exporter.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
restartPolicy: Always
args:
  - simulate
  - --sites=2
  - --listen=127.0.0.1
  - --port=18080
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.demo.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
